"""The benchmark's run: every method on every target with every segmentation, one record each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import chain, product
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.data.skipped import Skipped, write_skipped
from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.films import Film, FilmReader
from cxrneighbors.explain.identity import index_hash
from cxrneighbors.explain.masking import Masking
from cxrneighbors.explain.neighbours import Neighbourhood
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.quality import sanity
from cxrneighbors.explain.quality.case import Case
from cxrneighbors.explain.quality.journal import Journal, Record
from cxrneighbors.explain.quality.method_spec import MethodSpec, parse_method
from cxrneighbors.explain.quality.references import EqualCostLime, RandomSegments
from cxrneighbors.explain.quality.settings import BenchmarkSettings
from cxrneighbors.explain.quality.targets import Target, lesion_mask, regions_hash
from cxrneighbors.explain.registry import METHODS
from cxrneighbors.explain.segments import SEGMENTATIONS, SegmentCache
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.lungs.rule import find_lungs
from cxrneighbors.lungs.segmenter import LungSegmenter
from cxrneighbors.progress import track

REFERENCES = (RandomSegments.name, EqualCostLime.name)


class Benchmark:
    """Runs the methods and keeps their records in folder `out`; `run` on the same folder goes on.

    `predictor`: of a classifier of this package; `index`: holds the targets; `regions`: a region table, or
    None (then nothing is localised). `methods`: methods and rivals as `method_spec.parse_method` reads them,
    such as 'lime:fill=mean' or 'rise'; the reference rows are always run, but for LIME at KP-LIME's cost
    where the settings give all methods the same `calls`. `segmentations`: names of `segments.SEGMENTATIONS`;
    `lungs`: what finds the lungs, None for the rule.
    """

    def __init__(
        self,
        predictor: Predictor,
        index: NeighborIndex,
        out: str | Path,
        settings: BenchmarkSettings | None = None,
        regions: pd.DataFrame | None = None,
        methods: Sequence[str] = tuple(METHODS),
        segmentations: Sequence[str] = ("quickshift", "slic"),
        lungs: LungSegmenter | None = None,
    ) -> None:
        model = predictor.model
        if not isinstance(model, Classifier):
            raise UserError("benchmark: needs a classifier of this package, whose weights can be compared")
        self.settings = settings or BenchmarkSettings()
        references = [EqualCostLime.name] if self.settings.calls is None else []
        specs = [parse_method(text) for text in (RandomSegments.name, *methods, *references)]
        self.specs = {spec.text: self._at_equal_calls(spec) for spec in specs}
        self.methods = list(self.specs)
        names = dict.fromkeys(segmentations)
        self.segmentations = [choose("segmentation", name, SEGMENTATIONS) for name in names]
        if not self.segmentations:
            raise UserError("segmentations: none given; name at least one")
        self.predictor, self.model, self.index, self.regions = predictor, model, index, regions
        self.neighbourhood = Neighbourhood(
            index, self.settings.k, where=self.settings.where, one_per=self.settings.one_per
        )
        self.finder = lungs
        self.segments = SegmentCache(Path(out) / "segments", 2048, lungs)
        identity = {**asdict(self.settings), "classifier": model.weights_hash(), "index": index_hash(index)}
        identity |= {
            "precision": predictor.precision,
            "classifier_settings": model.config(),
            "patients": "dataset/patient_id",
        }
        identity["lungs"] = None if lungs is None else lungs.weights_hash()
        identity["regions"] = None if regions is None else regions_hash(regions)
        for spec in self.specs.values():  # wrong values stop here
            spec.build(predictor, self._masking(self.segmentations[0], 0), self.neighbourhood)
        self.journal = Journal(out, identity)
        self.skipped = Skipped("evaluate-explanations")

    def run(self, targets: Sequence[Target]) -> list[Record]:
        """Records of `targets` (those of this folder that are there already are not computed again).

        A target that a segmentation or a method cannot treat goes to skipped.csv with its reason. Raises
        `UserError` when a method could treat none.
        """
        for number, target in enumerate(track(targets, "explaining targets", total=len(targets))):
            for segmentation in self.segmentations:
                for record in self._records(target, segmentation, number):
                    self.journal.append(record)
        if self.journal.records:
            write_skipped(self.skipped, self.journal.folder)
        with self.journal.preparing():
            records = self._asked_for(targets)
        self.journal.finish()
        return records

    def _asked_for(self, targets: Sequence[Target]) -> list[Record]:
        """Records by segmentation and method as asked for, whatever order interrupted runs wrote them in."""
        wanted = {(target.image_id, target.finding) for target in targets}
        found: dict[tuple[str, str], list[Record]]
        found = {pair: [] for pair in product(self.segmentations, self.methods)}
        for record in self.journal.records:
            pair = (record["segmentation"], record["method"])
            if pair in found and (record["image_id"], record["finding"]) in wanted:
                found[pair].append(record)
        for (segmentation, name), records in found.items():
            if not records:
                reason = next(iter(self.skipped.to_frame()["reason"]), "no targets")
                raise UserError(f"method {name} with {segmentation}: no target could be explained; {reason}")
        return list(chain(*found.values()))

    def _records(self, target: Target, segmentation: str, number: int) -> Iterator[Record]:
        """Missing records of one target, the `number`-th, in one segmentation."""
        item, shuffled = f"{target.image_id} {target.finding} {segmentation}", None
        key = (target.image_id, target.finding)
        missing = [name for name in self.methods if (*key, name, segmentation) not in self.journal]
        if not missing:
            return
        if number < self.settings.n_sanity and segmentation == self.segmentations[0]:
            copy = sanity.randomised(self.model, self.settings.seed + number)  # each target has its own
            shuffled = replace(self.predictor, model=copy)
        try:
            case = Case(self, target, segmentation, shuffled)
        except UserError as error:
            self.skipped.add(item, str(error))
            return
        for name in missing:
            try:
                yield case.record(name)
            except UserError as error:
                self.skipped.add(f"{item} {name}", str(error))

    def explainer(
        self, name: str, segmentation: str, seed: int, predictor: Predictor | None = None
    ) -> Explainer:
        """The explainer of a method's text, on the classifier or on another predictor."""
        masking = self._masking(segmentation, seed)
        return self.specs[name].build(predictor or self.predictor, masking, self.neighbourhood)

    def _masking(self, segmentation: str, seed: int) -> Masking:
        n_masks, fill = self.settings.n_masks, self.settings.fill
        return Masking(n_masks, segmentation, fill, seed=seed, segments=self.segments)

    def _at_equal_calls(self, spec: MethodSpec) -> MethodSpec:
        """With the setting's `calls`, where the method does not say how many itself."""
        given = dict(spec.options)
        if self.settings.calls is None or given.keys() & {"calls", "n_masks"} or spec.name in REFERENCES:
            return spec
        return MethodSpec(spec.name, tuple(sorted({**given, "calls": self.settings.calls}.items())))

    def film(self, target: Target) -> Film:
        """The target's film as the explainers read it."""
        reader = FilmReader(self.index.studies, self.predictor.image_size, self.predictor.aspect)
        return reader.read(target.image_id)

    def lesion(self, target: Target, shape: tuple[int, ...]) -> np.ndarray:
        """Where its finding is: bool (H, W), the `shape` of its film; nowhere without regions."""
        if self.regions is None:
            return np.zeros(shape, dtype=bool)
        studies = self.index.studies
        path = studies.loc[studies["image_id"] == target.image_id, "path"].iloc[0]
        return lesion_mask(self.regions, target, path, self.predictor.image_size, self.predictor.aspect)

    def lungs(self, target: Target, film: Film) -> np.ndarray:
        """Where the film's lungs are: bool (H, W); nowhere on a lateral film."""
        studies, picture = self.index.studies, film.pixels.mean(axis=0)
        views = studies.loc[studies["image_id"] == target.image_id, "view"] if "view" in studies else ()
        if "LATERAL" in set(views):
            return np.zeros(picture.shape, dtype=bool)
        found = find_lungs(picture) if self.finder is None else self.finder.find_lungs(picture)
        return np.asarray(found.any(axis=0))
