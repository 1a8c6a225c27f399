"""DLIME: Zafar and Khan, "DLIME: A Deterministic Local Interpretable Model-Agnostic Explanations" (2019)."""

from __future__ import annotations

from typing import Any

import numpy as np

from cxrneighbors.explain.kp_lime import KPLime
from cxrneighbors.explain.masks import hadamard_design, hadamard_order


class DLime(KPLime):
    """Neighbours from agglomerative clusters, and a fixed mask design: no random number anywhere.

    The authors replace LIME's random perturbations by the members of the target's cluster. A film's raw
    pixels are no features for a surrogate, so the target and the K nearest members of its cluster in latent
    space (policy 'cluster') are masked along the target's segments, as in KP-LIME, by one Hadamard design
    with fold-over (`masks.hadamard_design`). `n_masks` is the least number of masks of each film; the
    design's size, a power of two above twice the number of segments, is written to the settings.
    """

    name = "dlime"
    usual_policy = "cluster"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.seed = None

    def _start(self) -> None:
        """Nothing is random."""

    def draw(self, number: int, n_sources: int, n_segments: int) -> np.ndarray:
        """Round `number`'s design, the same for every source."""
        order = hadamard_order(n_segments, self.n_masks)
        return np.tile(hadamard_design(n_segments, order, number), (n_sources, 1))

    def _settings(self, n_segments: int) -> dict[str, Any]:
        return {**super()._settings(n_segments), "n_masks": 2 * hadamard_order(n_segments, self.n_masks)}
