"""Σ-LIME: "Modifying LIME for Medical Images", section 3.5.2."""

from __future__ import annotations

from typing import Any

import numpy as np

from cxrneighbors.errors import UserError
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film
from cxrneighbors.explain.k_lime import KStarLime
from cxrneighbors.explain.masks import unmasked
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.surrogate import Surrogate


class SigmaLime(KStarLime):
    """LIME on each of K neighbours for the target's label; their masks, in {-1, 0, 1}, are summed.

    `pixel_map` of the explanation is that sum, integers in [-K, K] over the target. A neighbour's mask marks
    its `top` segments by absolute weight, as `get_image_and_mask` of the `lime` package does (5 there). The
    weight of a target segment is the map's mean over it, the intercept is what is left of the prediction, and
    fidelity is the neighbours' mean. The target is scored once, for its prediction: K·(P + 1) + 1 films.
    """

    name = "sigma-lime"

    def __init__(self, *args: Any, top: int = 5, **options: Any) -> None:
        super().__init__(*args, **options)
        if top < 1:
            raise UserError(f"top {top}: a mask needs at least one segment")
        self.top = top

    def _explain(self, film: Film, target: str) -> Explanation:
        neighbours = self.neighbours(film)
        segments = self.segments(film.pixels, self.segmentation)
        parts = self.explain_each(neighbours.films, target)
        masks = [part.mask(self.top, positive_only=False) for part in parts]  # K of (H, W) in {-1, 0, 1}
        total = np.stack(masks).sum(axis=0, dtype=np.int32)
        weights = _segment_means(total, segments)
        prediction = self._prediction(film, segments, target)
        fidelity = float(np.mean([part.fidelity for part in parts]))
        surrogate = Surrogate(weights, prediction - float(weights.sum()), fidelity)
        calls = 1 + sum(part.settings["classifier_calls"] for part in parts)
        settings: dict[str, Any] = {"classifier_calls": calls, "top": self.top}
        certificates = [part.settings["stability"] for part in parts if "stability" in part.settings]
        if certificates:
            settings["stability"] = max(certificates, key=lambda each: each["probability"])
        return self.result(
            film,
            target,
            segments,
            surrogate,
            prediction,
            neighbours=neighbours.table,
            neighbour_images=neighbours.pixels(),
            parts=parts,
            pixel_map=total,
            settings=settings,
        )

    def _prediction(self, film: Film, segments: np.ndarray, target: str) -> float:
        whole = unmasked(int(segments.max()) + 1)
        films = MaskedFilms(film.pixels[None], segments, whole, np.zeros(1, dtype=np.int64), self.fill)
        return float(self.engine.scores(films, target)[0])


def _segment_means(values: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Mean of `values` (H, W) over each segment: float64 (S,)."""
    return np.bincount(segments.ravel(), weights=values.ravel()) / np.bincount(segments.ravel())
