"""Σ-LIME: "Modifying LIME for Medical Images", section 3.5.2."""

from __future__ import annotations

from typing import Any

import numpy as np

from cxrneighbors.errors import UserError
from cxrneighbors.explain.certificate import Certificate, Fit
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film
from cxrneighbors.explain.k_lime import KStarLime
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.predictor import Model, Predictor
from cxrneighbors.explain.segments import segment_means
from cxrneighbors.explain.surrogate import Surrogate
from cxrneighbors.index.neighbor_index import NeighborIndex


class SigmaLime(KStarLime):
    """LIME on each of K neighbours for the target's label; their masks, in {-1, 0, 1}, are summed.

    `pixel_map` of the explanation is that sum, integers in [-K, K] over the target. A neighbour's mask marks
    its `top` segments by absolute weight, as `get_image_and_mask` of the `lime` package does (5 there). The
    weight of a target segment is the map's mean over it, the intercept is what is left of the prediction, and
    fidelity is the neighbours' mean. The target is scored once, for its prediction: K·(P + 1) + 1 films.
    """

    name = "sigma-lime"
    title = "Σ-LIME"
    own_options = ("top",)

    def __init__(
        self, model: Model | Predictor, index: NeighborIndex | None = None, *, top: int = 5, **options: Any
    ) -> None:
        super().__init__(model, index, **options)
        if top < 1:
            raise UserError(f"top {top}: a mask needs at least one segment")
        self.top = top

    def settings(self, n_segments: int) -> dict[str, Any]:
        """What an explanation records of how it was made, `top` included."""
        return super().settings(n_segments) | {"top": self.top}

    def explain_film(self, film: Film, target: str) -> Explanation:
        """LIME on the neighbours, summed over the film."""
        neighbours = self.neighbours(film)
        segments = self.segments(film)
        parts = self.explain_each(neighbours.films, target)
        masks = [part.mask(self.top, positive_only=False) for part in parts]  # K of (H, W) in {-1, 0, 1}
        total = np.stack(masks).sum(axis=0, dtype=np.int32)
        prediction = float(self.predictor.scores(MaskedFilms.unmasked(film.pixels), target)[0])
        fit = _summed(segment_means(total, segments), prediction, parts)
        more = {"parts": parts, "pixel_map": total}
        return self.result(film, target, segments, fit, neighbours, **more)


def _summed(weights: np.ndarray, prediction: float, parts: tuple[Explanation, ...]) -> Fit:
    """What the neighbours' explanations make together; the certificate is the least certain one's."""
    fidelity = float(np.mean([part.fidelity for part in parts]))
    surrogate = Surrogate(weights, prediction - float(weights.sum()), fidelity)
    calls = 1 + sum(part.settings["classifier_calls"] for part in parts)
    known = [part.settings["stability"] for part in parts if "stability" in part.settings]
    worst = max(known, key=lambda each: each["probability"], default=None)
    return Fit(surrogate, prediction, calls, worst and Certificate(**worst))
