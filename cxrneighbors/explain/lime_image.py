"""LIME on an image: Ribeiro, Singh and Guestrin, "Why Should I Trust You?" (2016)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from cxrneighbors.explain.certificate import Sample
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film
from cxrneighbors.explain.masks import draw_masks, unmasked
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.surrogate import cosine_distance


class Lime(Explainer):
    """Classic LIME: P random masks of the target itself, and the unmasked target.

    With the same masks and fill, the weights are those of `lime.lime_image`.
    """

    name = "lime"
    uses_neighbours: ClassVar[bool] = False

    def _explain(self, film: Film, target: str) -> Explanation:
        return self.lime(film, target, np.random.default_rng(self.seed))

    def lime(self, film: Film, target: str, rng: np.random.Generator) -> Explanation:
        """LIME on one film, masks drawn from `rng`."""
        segments = self.segments(film.pixels, self.segmentation)
        n_segments = int(segments.max()) + 1
        scored = self.engine.n_scored

        def draw(number: int) -> Sample:
            z = draw_masks(self.n_masks, n_segments, rng)  # (P, S) in {0, 1}, 1 = kept
            z = np.concatenate([unmasked(n_segments), z]) if number == 0 else z
            source = np.zeros(len(z), dtype=np.int64)
            films = MaskedFilms(film.pixels[None], segments, z, source, self.fill)
            y = self.engine.scores(films, target)
            predictions.append(y[0])
            return Sample(z, source, y, self.distance(films))

        predictions: list[float] = []
        surrogate, certificate = self.fit(draw)
        settings = {"classifier_calls": self.engine.n_scored - scored}
        return self.result(film, target, segments, surrogate, predictions[0], certificate, settings=settings)

    def distance(self, films: MaskedFilms) -> np.ndarray:
        """Distance of masked films to the unmasked target (N,): LIME's is the masks' cosine distance."""
        return cosine_distance(films.masks)
