"""Reference rows of the benchmark: what a method has to beat to be worth anything."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film
from cxrneighbors.explain.lime_image import Lime
from cxrneighbors.explain.masks import unmasked
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.surrogate import Surrogate

RANDOM, EQUAL_COST = "random", "lime-equal-cost"


class RandomSegments(Explainer):
    """Weights drawn from a normal distribution, whatever the classifier says: the floor.

    The classifier is asked once, for the prediction.
    """

    name = RANDOM
    uses_neighbours: ClassVar[bool] = False

    def _explain(self, film: Film, target: str) -> Explanation:
        segments = self.segments(film.pixels, self.segmentation)
        n_segments = int(segments.max()) + 1
        # The film's own brightness makes the draw differ from film to film and repeat for the same one.
        salt = int(np.abs(film.pixels).sum() * 1e3)
        weights = np.random.default_rng([self.seed or 0, salt]).normal(size=n_segments)
        whole = MaskedFilms(film.pixels[None], segments, unmasked(n_segments), np.zeros(1, int), self.fill)
        prediction = float(self.engine.scores(whole, target)[0])
        surrogate = Surrogate(weights, prediction - float(weights.sum()), float("nan"))
        return self.result(film, target, segments, surrogate, prediction, settings={"classifier_calls": 1})


class EqualCostLime(Lime):
    """Classic LIME with as many masked films as KP-LIME has, (K + 1)·P: is it the neighbours that help,
    or the number of masks?"""

    name = EQUAL_COST

    def __init__(self, model: Any, index: Any = None, k: int = 5, n_masks: int = 100, **options: Any) -> None:
        super().__init__(model, index, k, (k + 1) * n_masks, **options)


REFERENCES: dict[str, type[Explainer]] = {RANDOM: RandomSegments, EQUAL_COST: EqualCostLime}
