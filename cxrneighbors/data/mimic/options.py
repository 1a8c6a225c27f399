"""What the arguments of the MIMIC-CXR readers say, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cxrneighbors.data.imports import require_root
from cxrneighbors.data.mimic.labels import LABELERS, POLICIES
from cxrneighbors.errors import choose


@dataclass(frozen=True)
class Options:
    """The arguments; see `readers.mimic_cxr.read`."""

    tables: Path | None = None
    reports: Path | None = None
    patients: Path | None = None
    labeler: str = "chexpert"
    uncertain: str = "ignore"
    images: str = "required"
    check_files: bool = True
    headers: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        choose("labeler", self.labeler, LABELERS)
        choose("policy for uncertain labels", self.uncertain, POLICIES)
        choose("value of images", self.images, ("required", "optional"))
        for name in ("tables", "reports", "patients"):
            path = getattr(self, name)
            if path is not None:
                object.__setattr__(self, name, require_root(path, f"MIMIC {name}"))
