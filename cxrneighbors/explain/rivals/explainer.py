"""A rival among the explainers: the benchmark and its measures take it as they take LIME."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from cxrneighbors.errors import UserError
from cxrneighbors.explain.certificate import Fit
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.predictor import Model, Predictor
from cxrneighbors.explain.rivals.base import Question, Rival
from cxrneighbors.explain.segments import segment_means
from cxrneighbors.explain.surrogate import Surrogate
from cxrneighbors.index.neighbor_index import NeighborIndex


class RivalExplainer(Explainer):
    """Puts films to a `Rival`, which may ask the classifier `n_masks` times, as LIME does, and once more.

    A map is the explanation's `pixel_map`; the weight of a segment is then the map's mean over it, so that
    segments can be ranked whatever their size. `settings["classifier_calls"]` counts a film scored as one
    call and a backward pass as two. There is no surrogate: `fidelity` is NaN.
    """

    name = "rival"
    title = "rival"
    uses_neighbours = False

    def __init__(
        self, rival: Rival, model: Model | Predictor, index: NeighborIndex | None = None, **options: Any
    ) -> None:
        super().__init__(model, index, **options)
        self.rival = rival

    @property
    def seed(self) -> int | None:
        """Seed of the rival's random numbers; None where it has none."""
        return self.masking.seed if self.rival.random else None

    def explain_film(self, film: Film, target: str) -> Explanation:
        """The rival's answer as an explanation."""
        segments, rival = self.segments(film), self.rival
        prediction = float(self.predictor.scores(MaskedFilms.unmasked(film.pixels), target)[0])
        question = Question(
            rival=rival.name,
            film=film,
            target=target,
            segments=segments,
            prediction=prediction,
            calls=self.masking.n_masks,
            predictor=self.predictor,
            masking=self.masking,
            reader=self.reader,
            neighbourhood=self.neighbourhood,
        )
        found = _checked(rival.attribute(question), rival.name, segments)
        is_map = found.ndim == 2
        weights = segment_means(found, segments) if is_map else found
        surrogate = Surrogate(weights, prediction - float(weights.sum()), float("nan"))
        fit = Fit(surrogate, prediction, 1 + question.used)
        own = asdict(rival)  # type: ignore[call-overload]
        more: dict[str, Any] = {
            "pixel_map": found.astype(np.float32) if is_map else None,
            "settings": {"rival": own},
        }
        return replace(self.result(film, target, segments, fit, **more), method=rival.name)


def _checked(found: np.ndarray, name: str, segments: np.ndarray) -> np.ndarray:
    """A map (H, W) or weights (S,), finite, as float64; `UserError` for anything else."""
    found = np.asarray(found, dtype=np.float64)
    if found.shape not in (segments.shape, (int(segments.max()) + 1,)):
        raise UserError(
            f"method {name!r}: answered with shape {found.shape}; return a map {segments.shape} "
            f"or {int(segments.max()) + 1} weights"
        )
    if not np.isfinite(found).all():
        raise UserError(f"method {name!r}: answered with NaN or infinity; check the classifier's gradients")
    return found
