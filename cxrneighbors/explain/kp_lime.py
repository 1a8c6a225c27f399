"""KP-LIME: "Modifying LIME for Medical Images", section 3.5.3."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from cxrneighbors.explain.certificate import Sample
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film
from cxrneighbors.explain.masks import draw_masks, unmasked
from cxrneighbors.explain.perturb import FILLS, MaskedFilms
from cxrneighbors.explain.surrogate import cosine_distance


class KPLime(Explainer):
    """The target's segments, masked P times each on the target and on its K neighbours.

    One surrogate on the (K + 1)·P masked films and the unmasked target. As in the paper a feature is 1 where
    the segment is masked; the reported weights are those of "kept" (`Surrogate.flipped`), so that positive
    supports the target. Closeness is LIME's, by the share of segments kept, for films of every source.

    `fill='grey'` (the paper's; or 'mean', 'blur') masks segments of each source film itself.
    `fill='neighbour'` keeps the target's other segments and puts the neighbour's own pixels into the masked
    ones: no grey anywhere. The target's own P masks then take the K neighbours in turn.
    """

    name = "kp-lime"
    fills: ClassVar[tuple[str, ...]] = FILLS

    def _explain(self, film: Film, target: str) -> Explanation:
        neighbours = self.neighbours(film)
        segments = self.segments(film.pixels, self.segmentation)
        sources = np.concatenate([film.pixels[None], neighbours.pixels()])  # (K + 1, C, H, W), target first
        n_segments, scored = int(segments.max()) + 1, self.engine.n_scored
        predictions: list[float] = []

        def draw(number: int) -> Sample:
            z = self.draw(number, len(sources), n_segments)  # ((K + 1)·P, S) in {0, 1}, 1 = kept
            source = np.repeat(np.arange(len(sources)), len(z) // len(sources))
            shown = self._shown(source)
            if number == 0:
                z = np.concatenate([unmasked(n_segments), z])
                source, shown = np.concatenate([[0], source]), np.concatenate([[0], shown])
            films = MaskedFilms(sources, segments, z, shown, self.fill)
            y = self.engine.scores(films, target)
            predictions.append(y[0])
            return Sample(1 - z, source, y, cosine_distance(z))  # feature 1 = masked

        self._start()
        surrogate, certificate = self.fit(draw)
        return self.result(
            film,
            target,
            segments,
            surrogate.flipped(),
            predictions[0],
            certificate,
            neighbours=neighbours.table,
            neighbour_images=neighbours.pixels(),
            settings={"classifier_calls": self.engine.n_scored - scored},
        )

    def _start(self) -> None:
        self._rng = np.random.default_rng(self.seed)

    def draw(self, number: int, n_sources: int, n_segments: int) -> np.ndarray:
        """Round `number`'s masks of all sources, source by source: uint8 (n_sources · P, S), 1 = kept."""
        return draw_masks(n_sources * self.n_masks, n_segments, self._rng)

    def _shown(self, source: np.ndarray) -> np.ndarray:
        """Which film's pixels row n shows; with fill 'neighbour' the target's rows take them in turn."""
        if self.fill != "neighbour":
            return source
        own = np.flatnonzero(source == 0)
        shown = source.copy()
        shown[own] = 1 + np.arange(len(own)) % self.query.k
        return shown
