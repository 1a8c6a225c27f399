"""LIME on an image: Ribeiro, Singh and Guestrin, "Why Should I Trust You?" (2016)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film
from cxrneighbors.explain.masking import MaskDesign
from cxrneighbors.explain.masks import random_rounds


class Lime(Explainer):
    """Classic LIME: P random masks of the target itself, and the unmasked target.

    With the same masks and fill, the weights are those of `lime.lime_image`.
    """

    name = "lime"
    title = "LIME"
    uses_neighbours: ClassVar[bool] = False

    def explain(
        self, image: str | Path | np.ndarray, target: str, patient_id: str | None = None
    ) -> Explanation:
        """LIME on the film."""
        return self.lime(self.film(image, target, patient_id), target, np.random.default_rng(self.seed))

    def lime(self, film: Film, target: str, rng: np.random.Generator) -> Explanation:
        """LIME on a film that has been read, masks drawn from `rng`."""
        masking = self.masking
        segments = masking.segments(film.pixels, masking.segmentation)
        rounds = random_rounds(1, masking.n_masks, int(segments.max()) + 1, rng)
        design = MaskDesign(film.pixels[None], segments, rounds, fill=masking.fill)
        return self.result(film, target, segments, self.fit(design, target))
