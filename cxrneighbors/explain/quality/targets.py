"""What is explained: films with a finding whose place is known, and that place as a mask."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.pixels import read_pixels, resize
from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.data.tables import read_regions
from cxrneighbors.errors import UserError
from cxrneighbors.files import sha256_file
from cxrneighbors.statistics.patients import patient_names


@dataclass(frozen=True)
class Target:
    """One film and the finding to explain; `patient` (see `statistics.patients`) is the unit of all tests."""

    image_id: str
    finding: str
    patient: str


def choose_targets(
    studies: pd.DataFrame,
    labels: Sequence[str],
    n: int | None,
    regions: pd.DataFrame | None = None,
    allowed: np.ndarray | None = None,
    seed: int = 0,
) -> list[Target]:
    """Up to `n` targets (None: all), spread over patients first and over findings second.

    A target is an image with pixels and one of its findings that is among the classifier's `labels`; with
    `regions`, one whose place they give. `allowed`: bool (N,), rows of `studies` that may be taken. Which
    images are taken among equals is drawn with `seed`. The first m of n targets are the targets of n = m.

    Raises `UserError` when there is none.
    """
    rows = studies[studies["path"].notna() & (True if allowed is None else allowed)]
    patient_of = dict(zip(rows["image_id"], patient_names(rows), strict=True))
    named = [label for label in labels if label != NO_FINDING]
    if regions is None:
        pairs = {(image, f) for image, fs in zip(rows["image_id"], rows["findings"], strict=True) for f in fs}
    else:
        pairs = set(zip(regions["image_id"], regions["finding"], strict=True))
    pool = sorted(pair for pair in pairs if pair[0] in patient_of and pair[1] in named)
    if not pool:
        what = "images with a finding" if regions is None else "regions"
        said = f"no {what} of {', '.join(named)} among the images that may be explained"
        raise UserError(f"targets: {said}; loosen among, or take another classifier")
    order = np.random.default_rng(seed).permutation(len(pool))
    waiting = [Target(image, finding, patient_of[image]) for image, finding in (pool[i] for i in order)]
    return _spread(waiting, len(waiting) if n is None else n)


def _spread(waiting: list[Target], n: int) -> list[Target]:
    """The next target is always one of the patient, then the finding, that was taken least often."""
    patients: Counter[str] = Counter()
    findings: Counter[str] = Counter()
    chosen: list[Target] = []
    while waiting and len(chosen) < n:
        best = min(waiting, key=lambda t: (patients[t.patient], findings[t.finding]))
        waiting.remove(best)
        patients[best.patient] += 1
        findings[best.finding] += 1
        chosen.append(best)
    return chosen


def lesion_mask(
    regions: pd.DataFrame, target: Target, path: str | Path, size: int | None, aspect: str
) -> np.ndarray:
    """Where the target's finding lies: union of its outlines and boxes, bool (size, size).

    Brought to the film's size exactly as the film is (`data.pixels.resize`); a pixel belongs to the lesion
    when at least half of it does, or, for lesions smaller than that, as much of it as of any other pixel.
    """
    rows = regions[(regions["image_id"] == target.image_id) & (regions["finding"] == target.finding)]
    shape = read_pixels(path).shape
    whole = np.zeros(shape, dtype=np.float32)
    for row in rows.to_dict(orient="records"):
        if isinstance(row["mask_path"], str):
            outline = read_pixels(row["mask_path"])
            if outline.shape != shape:
                raise UserError(f"{row['mask_path']}: {outline.shape} pixels, but its film has {shape}")
            whole[outline > 0] = 1
        else:
            whole[_box(row["y"], row["height"]), _box(row["x"], row["width"])] = 1
    mask = whole if size is None else resize(whole, size, aspect)
    return (mask >= min(0.5, float(mask.max()))) & (mask > 0)


def regions_hash(regions: pd.DataFrame) -> str:
    """SHA-256 over what a region table says and what its outline files hold, as 64 hex digits."""
    digest = hashlib.sha256(regions.to_csv(index=False).encode())
    for path in regions["mask_path"].dropna():
        digest.update(sha256_file(path).encode() if Path(path).is_file() else b"missing")
    return digest.hexdigest()


def open_regions(path: str | Path) -> pd.DataFrame:
    """Read a region table: its own file (`….regions.parquet`), or the study table it lies beside."""
    regions = read_regions(Path(path).with_name(Path(path).name.replace(".regions.parquet", ".parquet")))
    if not len(regions):
        raise UserError(f"{path}: no region table with rows there; import a data set with boxes or masks")
    return regions


def _box(start: float, length: float) -> slice:
    """Whole pixels from `start` to `start + length`, at least one."""
    first = max(0, round(start))
    return slice(first, max(first + 1, round(start + length)))
