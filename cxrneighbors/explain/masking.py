"""How segments and masks of a film are made: the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.certificate import StabilityRule
from cxrneighbors.explain.perturb import FILLS
from cxrneighbors.explain.segments import Segmentation, SegmentCache, segment_names
from cxrneighbors.explain.surrogate import ALPHA, KERNEL_WIDTH


@dataclass(frozen=True)
class Masking:
    """Settings of segments, masks and surrogate.

    `n_masks`: masked films P of each source film. `segmentation`: see `segments.segment`; `segments`: a cache
    to share between methods. `fill`: see `perturb.MaskedFilms`. `kernel_width`, `alpha`: LIME's kernel and
    ridge penalty. `seed`: of masks and of random neighbours; the same seed gives the same explanation.
    `stability`: a rule for adding masks in rounds.
    """

    n_masks: int = 100
    segmentation: Segmentation = "quickshift"
    fill: str = "grey"
    kernel_width: float = KERNEL_WIDTH
    alpha: float = ALPHA
    seed: int = 0
    stability: StabilityRule | None = None
    segments: SegmentCache = field(default_factory=SegmentCache, repr=False, compare=False)

    def __post_init__(self) -> None:
        choose("fill", self.fill, FILLS)
        if self.n_masks < 1:
            raise UserError(f"masks {self.n_masks}: each film must be masked at least once")
        if self.kernel_width <= 0 or self.alpha <= 0:
            raise UserError("kernel width and alpha must be above 0")

    def settings(self, n_segments: int) -> dict[str, Any]:
        """What an explanation records of it, the names of its segments included."""
        return {
            "n_masks": self.n_masks,
            "segmentation": self.segmentation if isinstance(self.segmentation, str) else "function",
            "segment_names": segment_names(self.segmentation, n_segments),
            "fill": self.fill,
            "alpha": self.alpha,
            **({"lungs": self.segments.lung_finder} if self.segmentation == "lungs" else {}),
        }
