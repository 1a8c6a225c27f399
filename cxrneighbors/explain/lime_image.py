"""LIME on an image: Ribeiro, Singh and Guestrin, "Why Should I Trust You?" (2016)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cxrneighbors.explain.certificate import fit_rounds
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film
from cxrneighbors.explain.masks import random_rounds
from cxrneighbors.explain.sampling import MaskDesign, sample_rounds


class Lime(Explainer):
    """Classic LIME: P random masks of the target itself, and the unmasked target.

    With the same masks, fill and selection of features, weights, intercept and fidelity are those of
    `lime.lime_image`.
    """

    name = "lime"
    title = "LIME"
    uses_neighbours = False

    def explain_film(self, film: Film, target: str) -> Explanation:
        """LIME on the film."""
        masking, segments = self.masking, self.segments(film)
        rounds = self.mask_rounds(film, segments)
        design = MaskDesign(film.pixels[None], segments, rounds, fill=masking.fill)
        samples = sample_rounds(self.predictor, target, design, self.locality)
        kernel, rule = self.locality.weights, masking.stability
        fit = fit_rounds(samples, kernel, masking.alpha, rule, self.seed or 0, masking.selection)
        return self.result(film, target, segments, fit)

    def mask_rounds(self, film: Film, segments: np.ndarray) -> Iterator[np.ndarray]:
        """Masks of the film, round by round: uint8 (P, S) each, 1 = kept."""
        masking = self.masking
        rng = np.random.default_rng(masking.seed)
        return random_rounds(1, masking.n_masks, int(segments.max()) + 1, rng)
