"""Reference rows of the benchmark: what a method has to beat to be worth anything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cxrneighbors.explain.certificate import Fit
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film
from cxrneighbors.explain.lime_image import Lime
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.predictor import Model, Predictor
from cxrneighbors.explain.registry import METHODS
from cxrneighbors.explain.surrogate import Surrogate
from cxrneighbors.index.neighbor_index import NeighborIndex


class RandomSegments(Explainer):
    """Weights drawn from a normal distribution, whatever the classifier says: the floor.

    The classifier is asked once, for the prediction.
    """

    name = "random"
    title = "random segments"
    uses_neighbours = False

    def explain_film(self, film: Film, target: str) -> Explanation:
        """Random weights for the film."""
        segments = self.segments(film)
        # The film's own brightness makes the draw differ from film to film and repeat for the same one.
        salt = int(np.abs(film.pixels).sum() * 1e3)
        weights = np.random.default_rng([self.masking.seed, salt]).normal(size=int(segments.max()) + 1)
        prediction = float(self.predictor.scores(MaskedFilms.unmasked(film.pixels), target)[0])
        surrogate = Surrogate(weights, prediction - float(weights.sum()), float("nan"))
        return self.result(film, target, segments, Fit(surrogate, prediction, 1))


class EqualCostLime(Lime):
    """Classic LIME with as many masked films as KP-LIME has, (K + 1)·P: is it the neighbours that help,
    or the number of masks?"""

    name = "lime-equal-cost"
    title = "LIME, (K+1)·P masks"

    def __init__(self, model: Model | Predictor, index: NeighborIndex | None = None, **options: Any) -> None:
        super().__init__(model, index, **options)
        assert self.neighbourhood is not None
        n_masks = (self.neighbourhood.k + 1) * self.masking.n_masks
        self.masking = replace(self.masking, n_masks=n_masks)


EXPLAINERS = METHODS | {each.name: each for each in (RandomSegments, EqualCostLime)}
