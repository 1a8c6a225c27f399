"""The base of all methods: what a target, a mask and a neighbour set are, said once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.certificate import Certificate, Sample, StabilityRule, fit_rounds
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film, film_from_array, indexed_film, read_film, row_of, row_of_file
from cxrneighbors.explain.neighbours import NeighbourQuery, NeighbourSet, find_neighbours
from cxrneighbors.explain.perturb import FILLS, PerturbationEngine
from cxrneighbors.explain.predictor import as_predictor
from cxrneighbors.explain.segments import Segmentation, SegmentCache, segment_names
from cxrneighbors.explain.surrogate import ALPHA, KERNEL_WIDTH, Surrogate, locality


class Explainer(ABC):
    """Explains a classifier's score of one film for one target label.

    A *target* is a label of the classifier, given by name, whether or not it is the most probable one. A
    *mask* z in {0, 1}^S says which of a film's S segments are kept (1) or masked (0, filled as `fill` says).
    A *neighbour set* are the K films that the index finds for the target film.

    `model`, `labels`, `device`: see `predictor.as_predictor`. `index`: a `NeighborIndex`; methods without
    neighbours need it only to explain by image_id. `k`: neighbours K; `policy` (None: the method's usual
    one), `modality`, `where`, `include_same_patient`: how they are chosen, as in `NeighborIndex.search`.
    `n_masks`: masked films P of each source film. `segmentation`: see `segments.segment`; `segments`: a cache
    to share between methods.
    `fill`: see `perturb.MaskedFilms`. `kernel_width`, `alpha`: LIME's kernel and ridge penalty. `image_size`:
    side that films are brought to, by default the classifier's; None there too leaves files as they are.
    `aspect`: 'pad' or 'crop', by default the classifier's. `seed`: of masks and of random neighbours; the
    same seed gives the same explanation. `batch_size`, `precision`: see `perturb.PerturbationEngine`.
    `stability`: a rule for adding masks in rounds (`certificate.StabilityRule`).
    """

    name: ClassVar[str]
    uses_neighbours: ClassVar[bool] = True
    usual_policy: ClassVar[str] = "nearest"
    fills: ClassVar[tuple[str, ...]] = FILLS[:3]

    def __init__(
        self,
        model: Any,
        index: Any = None,
        k: int = 5,
        n_masks: int = 100,
        segmentation: Segmentation = "quickshift",
        fill: str = "grey",
        policy: str | None = None,
        seed: int = 0,
        *,
        labels: Sequence[str] | None = None,
        modality: str = "image",
        where: str | None = None,
        include_same_patient: bool = False,
        kernel_width: float = KERNEL_WIDTH,
        alpha: float = ALPHA,
        image_size: int | None = None,
        aspect: str | None = None,
        device: str = "auto",
        batch_size: int | None = None,
        precision: str = "auto",
        stability: StabilityRule | None = None,
        segments: SegmentCache | None = None,
    ) -> None:
        if n_masks < 1:
            raise UserError(f"masks {n_masks}: each film must be masked at least once")
        if kernel_width <= 0 or alpha <= 0:
            raise UserError("kernel width and alpha must be above 0")
        if self.uses_neighbours and index is None:
            raise UserError(f"method {self.name!r}: takes neighbours from an index; give one")
        self.predictor = as_predictor(model, labels, device, image_size=image_size)
        self.engine = PerturbationEngine(self.predictor, batch_size, precision)
        self.index = index
        self.n_masks = n_masks
        self.segmentation = segmentation
        self.fill = choose(f"fill of method {self.name}", fill, self.fills)
        self.query = NeighbourQuery(
            k, policy or self.usual_policy, modality, where, include_same_patient, seed
        )
        self.seed: int | None = seed
        self.kernel_width = kernel_width
        self.alpha = alpha
        self.image_size = self.predictor.image_size if image_size is None else image_size
        self.aspect = aspect or self.predictor.aspect
        self.stability = stability
        self.segments = segments or SegmentCache()

    def explain(self, image: str | Path | np.ndarray, target: str) -> Explanation:
        """Explain the score of label `target` for a film.

        `image`: an image_id of the index (str), a file (Path), or an array (H, W) or (C, H, W) in [0, 1]. A
        file that holds a film of the index is that film.

        Raises `UserError` for an unknown target (lists the labels) or image, a film cut into one segment, a
        classifier that returns NaN or the wrong number of outputs, and for neighbours that are fewer than K,
        have no pixels on disk, or have another shape.
        """
        self.predictor.column(target)
        return self._explain(self._film(image), target)

    @abstractmethod
    def _explain(self, film: Film, target: str) -> Explanation:
        """Explain a film that has been read, for a label that exists."""

    def kernel(self, distance: np.ndarray) -> np.ndarray:
        """Locality weights (N,) of distances (N,) to the unmasked target."""
        return locality(distance, self.kernel_width)

    def neighbours(self, film: Film) -> NeighbourSet:
        """The film's K neighbours."""
        return find_neighbours(self.index, film, self.query, self.image_size, self.aspect)

    def fit(self, draw: Callable[[int], Sample]) -> tuple[Surrogate, Certificate | None]:
        """Fit the surrogate on one round of masked films, or on as many as the stability rule asks for."""
        return fit_rounds(draw, self.kernel, self.alpha, self.stability, self.seed or 0)

    def result(
        self,
        film: Film,
        target: str,
        segments: np.ndarray,
        surrogate: Surrogate,
        prediction: float,
        certificate: Certificate | None = None,
        **fields: Any,
    ) -> Explanation:
        """An `Explanation` of `surrogate`, whose coefficients are those of features "kept"."""
        settings = self._settings(len(surrogate.coefficients))
        if certificate is not None:
            settings["stability"] = certificate.to_dict()
        return Explanation(
            method=self.name,
            target=target,
            target_index=self.predictor.column(target),
            image=film.pixels,
            image_id=film.image_id,
            findings=list(film.findings),
            prediction=float(prediction),
            segments=np.asarray(segments, dtype=np.int32),
            weights=surrogate.coefficients,
            intercept=surrogate.intercept,
            fidelity=surrogate.fidelity,
            seed=self.seed,
            settings={**settings, **fields.pop("settings", {})},
            **fields,
        )

    def _film(self, image: str | Path | np.ndarray) -> Film:
        if isinstance(image, str):
            if self.index is None:
                raise UserError(
                    f"image {image!r}: an image_id needs an index; give one, or a Path or an array"
                )
            row = row_of(self.index.studies, image)
            return indexed_film(self.index.studies, row, self.image_size, self.aspect)
        if isinstance(image, Path):
            known = None if self.index is None else row_of_file(self.index.studies, image)
            if known is not None:  # its own patient's films are left out as for an image_id
                return indexed_film(self.index.studies, known, self.image_size, self.aspect)
            return Film(read_film(image, self.image_size, self.aspect), path=image)
        return film_from_array(image)

    def _settings(self, n_segments: int) -> dict[str, Any]:
        shown = self.segmentation if isinstance(self.segmentation, str) else "function"
        settings: dict[str, Any] = {
            "n_masks": self.n_masks,
            "segmentation": shown,
            "segment_names": segment_names(self.segmentation, n_segments),
            "fill": self.fill,
            "kernel_width": self.kernel_width,
            "alpha": self.alpha,
            "image_size": self.image_size,
            "aspect": self.aspect,
        }
        if self.uses_neighbours:
            query = self.query
            settings.update(k=query.k, policy=query.policy, modality=query.modality, where=query.where)
            settings["include_same_patient"] = query.include_same_patient
        return settings
