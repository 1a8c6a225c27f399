"""How segments and masks of a film are made: the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cxrneighbors.errors import UserError
from cxrneighbors.explain.certificate import StabilityRule
from cxrneighbors.explain.perturb import Fill, check_fill
from cxrneighbors.explain.segments import Segmentation, SegmentCache, segment_names
from cxrneighbors.explain.selection import Selection
from cxrneighbors.explain.surrogate import ALPHA, KERNEL_WIDTH


@dataclass(frozen=True)
class Masking:
    """Settings of segments, masks and surrogate.

    `n_masks`: masked films P of each source film. `segmentation`: see `segments.segment`; `segments`: a cache
    to share between methods. `fill`: see `perturb.MaskedFilms`. `kernel_width`, `alpha`: LIME's kernel and
    ridge penalty. `num_features`, `feature_selection`: how many segments may have a weight, None for all, and
    how they are chosen, see `selection.Selection`; the others weigh exactly 0. `seed`: of masks and of random
    neighbours; the same seed gives the same explanation.
    `stability`: a rule for adding masks in rounds.
    """

    n_masks: int = 100
    segmentation: Segmentation = "quickshift"
    fill: Fill = "grey"
    kernel_width: float = KERNEL_WIDTH
    alpha: float = ALPHA
    seed: int = 0
    stability: StabilityRule | None = None
    num_features: int | None = None
    feature_selection: str = "auto"
    segments: SegmentCache = field(default_factory=SegmentCache, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_fill(self.fill)
        Selection(self.num_features, self.feature_selection)
        if self.n_masks < 1:
            raise UserError(f"masks {self.n_masks}: each film must be masked at least once")
        if self.kernel_width <= 0 or self.alpha <= 0:
            raise UserError("kernel width and alpha must be above 0")

    @property
    def selection(self) -> Selection:
        """Which segments the surrogate is fitted on."""
        return Selection(self.num_features, self.feature_selection)

    def settings(self, n_segments: int) -> dict[str, Any]:
        """What an explanation records of it, the names of its segments included."""
        return {
            "n_masks": self.n_masks,
            "segmentation": self.segmentation if isinstance(self.segmentation, str) else "function",
            "segment_names": segment_names(self.segmentation, n_segments),
            "fill": self.fill,
            "alpha": self.alpha,
            "num_features": self.num_features,
            "feature_selection": self.feature_selection,
            **({"lungs": self.segments.lung_finder} if self.segmentation == "lungs" else {}),
        }
