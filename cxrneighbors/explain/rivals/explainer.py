"""A rival among the explainers: the benchmark and its measures take it as they take LIME."""

from __future__ import annotations

from dataclasses import asdict, fields
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
    call and a backward pass as two. There is no surrogate: `fidelity` is NaN, and `UserError` is raised for
    a `stability` rule and for `num_features`, which ask for one. `name` and `title` are the rival's.
    """

    def __init__(
        self, rival: Rival, model: Model | Predictor, index: NeighborIndex | None = None, **options: Any
    ) -> None:
        self.rival, self.name, self.title = rival, rival.name, rival.title
        self.uses_neighbours = getattr(rival, "uses_neighbours", False)
        for option in set(options) & set(rival_options(type(rival))):
            raise UserError(f"method {rival.name!r}: give {option} to the rival itself")
        super().__init__(model, index, **options)
        for option in ("stability", "num_features"):
            if getattr(self.masking, option) is not None:
                raise UserError(f"method {rival.name!r}: fits no surrogate, so leave {option} out")

    @property
    def seed(self) -> int | None:
        """Seed of the rival's random numbers; None where it has none."""
        return self.masking.seed if self.rival.random else None

    def settings(self, n_segments: int) -> dict[str, Any]:
        """What an explanation records of how it was made, the rival's own options included."""
        return super().settings(n_segments) | {"rival": asdict(self.rival)}  # type: ignore[call-overload]

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
        pixel_map = found.astype(np.float32) if is_map else None
        return self.result(film, target, segments, fit, question.found, pixel_map=pixel_map)


def rival_options(rival: type[Rival]) -> tuple[str, ...]:
    """The names of a rival's options."""
    return tuple(each.name for each in fields(rival))  # type: ignore[arg-type]


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
