"""LIME on an image: Ribeiro, Singh and Guestrin, "Why Should I Trust You?" (2016)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from cxrneighbors.explain.certificate import fit_rounds
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film, ImageLike
from cxrneighbors.explain.masks import random_rounds
from cxrneighbors.explain.sampling import MaskDesign, sample_rounds


class Lime(Explainer):
    """Classic LIME: P random masks of the target itself, and the unmasked target.

    With the same masks and fill, the weights are those of `lime.lime_image`.
    """

    name = "lime"
    title = "LIME"
    uses_neighbours: ClassVar[bool] = False

    def explain(self, image: ImageLike, target: str, patient_id: str | None = None) -> Explanation:
        """LIME on the film."""
        self.predictor.column(target)
        return self.lime(self.reader.read(image, patient_id), target, np.random.default_rng(self.seed))

    def lime(self, film: Film, target: str, rng: np.random.Generator) -> Explanation:
        """LIME on a film that has been read, masks drawn from `rng`."""
        masking = self.masking
        segments = masking.segments(film.pixels, masking.segmentation)
        rounds = random_rounds(1, masking.n_masks, int(segments.max()) + 1, rng)
        design = MaskDesign(film.pixels[None], segments, rounds, fill=masking.fill)
        samples = sample_rounds(self.predictor, target, design, self.locality)
        fit = fit_rounds(samples, self.locality.weights, masking.alpha, masking.stability, masking.seed)
        return self.result(film, target, segments, fit)
