"""The benchmark's run: every method on every target with every segmentation, one record each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, product
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.data.skipped import Skipped, write_skipped
from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film, FilmReader
from cxrneighbors.explain.identity import index_hash
from cxrneighbors.explain.masking import Masking
from cxrneighbors.explain.masks import draw_masks
from cxrneighbors.explain.neighbours import Neighbourhood
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.quality import faithfulness, localisation, sanity, stability
from cxrneighbors.explain.quality.journal import Journal, Record
from cxrneighbors.explain.quality.references import EXPLAINERS, EqualCostLime, RandomSegments
from cxrneighbors.explain.quality.targets import Target, lesion_mask, regions_hash
from cxrneighbors.explain.registry import METHODS
from cxrneighbors.explain.segments import SEGMENTATIONS, SegmentCache
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.lungs.segmenter import LungSegmenter
from cxrneighbors.progress import say, track


@dataclass(frozen=True)
class BenchmarkSettings:
    """What all records of a benchmark share.

    `k`: neighbours K; `n_masks`: masked films P of each film; `seeds`: runs of each method, seeds 0, 1, ...
    (a method without a seed runs once); `top`: segments that count as top; `fill`: of masked segments;
    `where`: which images may be neighbours; `n_held_out`: masks for the held-out correlation; `n_sanity`: the
    first so many targets are explained for the randomised classifier too, in the first segmentation;
    `one_per`: see `NeighborIndex.search`.
    """

    k: int = 5
    n_masks: int = 100
    seeds: int = 2
    top: int = 3
    fill: str = "grey"
    where: str | None = None
    n_held_out: int = 100
    n_sanity: int = 20
    seed: int = 0
    one_per: str = "patient"

    def __post_init__(self) -> None:
        for name in ("k", "n_masks", "seeds", "top", "n_held_out"):
            if getattr(self, name) < 1:
                raise UserError(f"{name.replace('_', ' ')} {getattr(self, name)}: must be at least 1")


class Benchmark:
    """Runs the methods and keeps their records in folder `out`; `run` on the same folder goes on.

    `predictor`: of a classifier of this package; `index`: holds the targets; `regions`: a region table, or
    None (then nothing is localised). `methods`: names of `registry.METHODS`; the reference rows are always
    run. `segmentations`: names of `segments.SEGMENTATIONS`; `lungs`: what finds the lungs for 'lungs', None
    for the rule.
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
        chosen = [choose("method", name, list(METHODS)) for name in dict.fromkeys(methods)]
        self.methods = [RandomSegments.name, *chosen, EqualCostLime.name]
        names = dict.fromkeys(segmentations)
        self.segmentations = [choose("segmentation", name, SEGMENTATIONS) for name in names]
        if not self.segmentations:
            raise UserError("segmentations: none given; name at least one")
        self.predictor, self.model, self.index, self.regions = predictor, model, index, regions
        self.neighbourhood = Neighbourhood(
            index, self.settings.k, where=self.settings.where, one_per=self.settings.one_per
        )
        self.segments = SegmentCache(Path(out) / "segments", 2048, lungs)
        identity = {**asdict(self.settings), "classifier": model.weights_hash(), "index": index_hash(index)}
        identity |= {"classifier_settings": model.config(), "patients": "dataset/patient_id"}
        identity["lungs"] = None if lungs is None else lungs.weights_hash()
        identity["regions"] = None if regions is None else regions_hash(regions)
        self.journal = Journal(out, identity)
        self.skipped = Skipped("evaluate-explanations")

    def run(self, targets: Sequence[Target]) -> list[Record]:
        """Records of `targets` (those of this folder that are there already are not computed again).

        A target that a segmentation or a method cannot treat goes to skipped.csv with its reason. Raises
        `UserError` when a method could treat none.
        """
        started, done, total = time.perf_counter(), 0, len(targets)
        for number, target in enumerate(track(targets, "explaining", total=total)):
            known = len(self.journal.records)
            for segmentation in self.segmentations:
                for record in self._records(target, segmentation, number):
                    self.journal.append(record)
            done += len(self.journal.records) > known
            if done and (number + 1) % 5 == 0 and number + 1 < total:
                left = (time.perf_counter() - started) / done * (total - number - 1)
                say(f"{number + 1} of {total} targets, about {left / 60:.0f} min left")
        write_skipped(self.skipped, self.journal.folder)
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
            shuffled = Predictor(copy, device=self.predictor.device, batch_size=self.predictor.batch_size)
        try:
            case = _Case(self, target, segmentation, shuffled)
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
        """Method or reference `name`, on the classifier or on another predictor."""
        n_masks, fill = self.settings.n_masks, self.settings.fill
        masking = Masking(n_masks, segmentation, fill, seed=seed, segments=self.segments)
        neighbourhood = self.neighbourhood
        return EXPLAINERS[name](predictor or self.predictor, masking=masking, neighbourhood=neighbourhood)

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


class _Case:
    """One target in one segmentation: what all methods share (film, segments, lesion, held-out scores)."""

    def __init__(
        self, benchmark: Benchmark, target: Target, segmentation: str, shuffled: Predictor | None
    ) -> None:
        self.shuffled = shuffled
        self.benchmark, self.target, self.segmentation = benchmark, target, segmentation
        self.settings = benchmark.settings
        self.film = benchmark.film(target)
        self.segments = benchmark.segments(self.film.pixels, segmentation)
        self.lesion = benchmark.lesion(target, self.segments.shape)
        n_segments = int(self.segments.max()) + 1
        rng = np.random.default_rng([self.settings.seed, n_segments])
        self.held_out = draw_masks(self.settings.n_held_out, n_segments, rng)
        self.held_out_scores = self.score(self.held_out, self.settings.fill)

    def score(self, masks: np.ndarray, fill: str) -> np.ndarray:
        """The classifier's score of masks (N, S) of the target's film: float64 (N,)."""
        films = MaskedFilms.of_one(self.film.pixels, self.segments, masks, fill)
        return self.benchmark.predictor.scores(films, self.target.finding)

    def record(self, name: str) -> Record:
        """All measures of method `name`; those of single explanations are means over its seeds."""
        explanations, seconds = self._runs(name)
        measured = [self._measure(explanation) for explanation in explanations]
        return {
            "image_id": self.target.image_id,
            "finding": self.target.finding,
            "patient": self.target.patient,
            "method": name,
            "segmentation": self.segmentation,
            "n_segments": int(self.segments.max()) + 1,
            "prediction": explanations[0].prediction,
            "lesion_share": None if self.benchmark.regions is None else float(self.lesion.mean()),
            "best_iou": localisation.best_iou(self.segments, self.lesion),
            **{name: float(np.mean([each[name] for each in measured])) for name in measured[0]},
            **self._stability(explanations),
            "sanity": self._sanity(name, explanations[0]),
            "calls": explanations[0].settings["classifier_calls"],
            "seconds": seconds,
            "map": small_map(explanations[0].heatmap()),
        }

    def _runs(self, name: str) -> tuple[list[Explanation], float]:
        """Explanations with one seed after the other, one where nothing is random; seconds of the fastest."""
        explanations, seconds = [], float("inf")
        for seed in range(self.settings.seed, self.settings.seed + self.settings.seeds):
            explainer = self.benchmark.explainer(name, self.segmentation, seed)
            started = time.perf_counter()
            explanations.append(explainer.explain(self.target.image_id, self.target.finding))
            seconds = min(seconds, time.perf_counter() - started)
            if explainer.seed is None:
                break
        return explanations, seconds

    def _measure(self, explanation: Explanation) -> dict[str, float]:
        weights, heat = explanation.weights, explanation.heatmap()
        return {
            "pointing": localisation.pointing_game(heat, self.lesion),
            "iou": localisation.top_iou(weights, self.segments, self.lesion, self.settings.top),
            "energy": localisation.energy_inside(heat, self.lesion),
            "deletion": faithfulness.deletion_auc(weights, self.segments, self.score),
            "insertion": faithfulness.insertion_auc(weights, self.segments, self.score),
            "held_out": faithfulness.held_out_correlation(weights, self.held_out, self.held_out_scores),
            "fidelity": explanation.fidelity,
        }

    def _stability(self, explanations: list[Explanation]) -> dict[str, float]:
        if explanations[0].seed is None and self.settings.seeds > 1:
            return {"seed_jaccard": 1.0, "seed_rank": 1.0}  # nothing in it is random
        weights, top = [explanation.weights for explanation in explanations], self.settings.top
        return {
            "seed_jaccard": stability.mean_over_pairs(weights, lambda a, b: stability.top_jaccard(a, b, top)),
            "seed_rank": stability.mean_over_pairs(weights, stability.rank_correlation),
        }

    def _sanity(self, name: str, original: Explanation) -> float | None:
        if self.shuffled is None:
            return None
        # The random reference draws anew: it shows which similarity arises by chance.
        seed = self.settings.seed + (self.settings.seeds if name == RandomSegments.name else 0)
        explainer = self.benchmark.explainer(name, self.segmentation, seed, self.shuffled)
        after = explainer.explain(self.target.image_id, self.target.finding)
        return sanity.map_similarity(original.heatmap(), after.heatmap())


def small_map(heat: np.ndarray, side: int = 32) -> np.ndarray:
    """A heat map averaged over areas to at most (side, side), four digits of its largest value.

    Records keep such maps for the correlation across segmentations.
    """
    from PIL import Image

    size = tuple(min(side, length) for length in heat.shape[::-1])
    small = np.asarray(Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BOX), float)
    largest = np.abs(small).max()
    digits = 4 - int(np.floor(np.log10(largest))) if largest > 0 else 0
    return np.round(small, digits)
