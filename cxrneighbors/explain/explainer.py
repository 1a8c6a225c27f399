"""The base of all methods: what a target, a mask and a neighbour set are, said once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, fields, replace
from typing import Any, ClassVar

import numpy as np

from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.certificate import Fit
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film, FilmReader, ImageLike
from cxrneighbors.explain.locality import Locality, MaskLocality
from cxrneighbors.explain.masking import Masking
from cxrneighbors.explain.neighbours import Neighbourhood, NeighbourSet
from cxrneighbors.explain.perturb import FILLS, check_fill
from cxrneighbors.explain.predictor import Model, Predictor
from cxrneighbors.index.neighbor_index import NeighborIndex

PARTS = (Predictor, Masking, Neighbourhood)


class Explainer(ABC):
    """Explains a classifier's score of one film for one target label.

    A *target* is a label of the classifier, given by name, whether or not it is the most probable one. A
    *mask* z in {0, 1}^S says which of a film's S segments are kept (1) or masked (0, filled as `fill` says).
    A *neighbour set* are the K films that the index finds for the target film.

    A method is put together of three parts: the `Predictor` (a classifier on its device), the `Masking`
    (segments, masks, surrogate) and the `Neighbourhood` (an index, K, which films). Give them whole, or a
    classifier, a `NeighborIndex` and, by name, fields of the three:

        KPLime(predictor, masking=Masking(n_masks=50), neighbourhood=Neighbourhood(index, k=3))
        KPLime(classifier, index, k=3, n_masks=50)

    Methods without neighbours need an index only to explain by image_id. `locality`: what makes masked films
    near to the target. Raises `UserError` for unknown options (lists those that there are).
    """

    name: str
    title: str
    uses_neighbours: bool = True
    usual_policy: ClassVar[str] = "nearest"
    fills: ClassVar[tuple[str, ...]] = FILLS[:4]
    own_options: tuple[str, ...] = ()  # of the method's own constructor

    def __init__(
        self,
        model: Model | Predictor,
        index: NeighborIndex | None = None,
        *,
        masking: Masking | None = None,
        neighbourhood: Neighbourhood | None = None,
        **options: Any,
    ) -> None:
        whole = (None, masking, neighbourhood)
        parts = [part for part, given in zip(PARTS, whole, strict=True) if given is None]
        given = self._sorted_options(parts, options)
        if not isinstance(model, Predictor):
            model = Predictor(model, **given[Predictor])
        elif given[Predictor]:
            model = replace(model, **given[Predictor])
        self.predictor = model
        self.masking = masking or Masking(**given[Masking])
        check_fill(self.masking.fill, self.fills, f"fill of method {self.name}")
        if neighbourhood is None and index is not None:
            neighbourhood = Neighbourhood(index, **given[Neighbourhood])
        if neighbourhood is None and self.uses_neighbours:
            raise UserError(f"method {self.name!r}: takes neighbours from an index; give one")
        if neighbourhood is not None:
            neighbourhood = replace(neighbourhood, policy=neighbourhood.policy or self.usual_policy)
        self.neighbourhood = neighbourhood
        studies = None if neighbourhood is None else neighbourhood.index.studies
        self.reader = FilmReader(studies, model.image_size, model.aspect)
        self.locality: Locality = MaskLocality(self.masking.kernel_width)

    @property
    def seed(self) -> int | None:
        """Seed of the masks; None for a method in which nothing is random."""
        return self.masking.seed

    def explain(
        self,
        image: ImageLike,
        target: str,
        patient_id: str | None = None,
        text: str | None = None,
        view: str | None = None,
    ) -> Explanation:
        """Explain the score of label `target` for a film.

        `image`: an image_id of the index (str), a file (Path), or an array (H, W) or (C, H, W) in [0, 1],
        of any size. A file that holds a film of the index is that film. Of a film from outside:
        `patient_id`, whose film it is, so that this patient's films are no neighbours; `text`, its report,
        for a neighbourhood by report or fused; `view`, for Contrast-LIME's donors of the same view.

        Raises `UserError` for an unknown target (lists the labels) or image, a film cut into one segment, a
        classifier that returns NaN or the wrong number of outputs, and for neighbours that are fewer than K,
        have no pixels on disk, or have another shape.
        """
        self.predictor.column(target)
        return self.explain_film(self.reader.read(image, patient_id, text, view), target)

    @abstractmethod
    def explain_film(self, film: Film, target: str) -> Explanation:
        """The method itself, on a film that has been read, for a label that the classifier has."""

    def segments(self, film: Film) -> np.ndarray:
        """The film's segments: int32 (H, W) in 0..S-1."""
        return self.masking.segments(film.pixels, self.masking.segmentation)

    def neighbours(self, film: Film) -> NeighbourSet:
        """The film's K neighbours."""
        assert self.neighbourhood is not None
        return self.neighbourhood.find(film, self.reader, self.masking.seed)

    def settings(self, n_segments: int) -> dict[str, Any]:
        """What an explanation records of how it was made, for a film of so many segments."""
        settings = self.masking.settings(n_segments) | self.locality.settings()
        settings |= {"image_size": self.predictor.image_size, "aspect": self.predictor.aspect}
        if self.uses_neighbours and self.neighbourhood is not None:
            settings |= self.neighbourhood.settings()
        return settings

    def result(
        self,
        film: Film,
        target: str,
        segments: np.ndarray,
        fit: Fit,
        neighbours: NeighbourSet | None = None,
        **more: Any,
    ) -> Explanation:
        """An `Explanation` of a fit whose coefficients are those of features "kept"; `more`: its fields."""
        settings = self.settings(len(fit.surrogate.coefficients))
        settings["classifier_calls"] = fit.n_scored
        if fit.surrogate.selected is not None:
            settings["selected_segments"] = fit.surrogate.selected.tolist()
        if fit.certificate is not None:
            settings["stability"] = asdict(fit.certificate)
        if neighbours is not None:
            more |= {"neighbours": neighbours.table, "neighbour_images": neighbours.pixels()}
        return Explanation(
            method=self.name,
            target=target,
            target_index=self.predictor.column(target),
            image=film.pixels,
            image_id=film.image_id,
            findings=list(film.findings),
            prediction=fit.prediction,
            segments=segments,
            weights=fit.surrogate.coefficients,
            intercept=fit.surrogate.intercept,
            fidelity=fit.surrogate.fidelity,
            seed=self.seed,
            settings=settings | more.pop("settings", {}),
            **more,
        )

    def _sorted_options(self, parts: list[type], options: dict[str, Any]) -> dict[type, dict[str, Any]]:
        """Options that are not None, by the part that has a field of the name; `UserError` for another."""
        part_of = {each.name: part for part in parts for each in fields(part) if each.init}
        known = [*self.own_options, *(name for name in part_of if name not in ("model", "index"))]
        found: dict[type, dict[str, Any]] = {part: {} for part in parts}
        for option, value in options.items():
            choose(f"option of method {self.name}", option, known)
            if value is not None:
                found[part_of[option]][option] = value
        return found
