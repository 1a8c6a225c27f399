"""One target in one segmentation: all measures of one method after the other."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import FilmReader
from cxrneighbors.explain.masks import draw_masks
from cxrneighbors.explain.perturb import Fill, MaskedFilms
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.quality import faithfulness, localisation, sanity, stability
from cxrneighbors.explain.quality.donor_films import DonorPool, donor_pixels
from cxrneighbors.explain.quality.journal import Record
from cxrneighbors.explain.quality.references import RandomSegments
from cxrneighbors.explain.quality.targets import Target

if TYPE_CHECKING:
    from cxrneighbors.explain.quality.benchmark import Benchmark


class Case:
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
        self.lungs = benchmark.lungs(target, self.film)
        self.donors = DonorPool.of(benchmark.index, target.image_id, target.finding, self.settings.seed)
        n_segments = int(self.segments.max()) + 1
        rng = np.random.default_rng([self.settings.seed, n_segments])
        self.held_out = draw_masks(self.settings.n_held_out, n_segments, rng)
        self.held_out_scores = self.score(self.held_out, self.settings.fill)

    def score(self, masks: np.ndarray, fill: Fill) -> np.ndarray:
        """The classifier's score of masks (N, S) of the target's film: float64 (N,)."""
        films = MaskedFilms.of_one(self.film.pixels, self.segments, masks, fill)
        return self.benchmark.predictor.scores(films, self.target.finding)

    def score_donors(self, masks: np.ndarray, donors: list[str]) -> np.ndarray:
        """The score of films whose masked segments show each of D donors: masks (N, S) -> (D, N)."""
        predictor, film, n = self.benchmark.predictor, self.film.pixels, len(donors)
        reader = FilmReader(self.benchmark.index.studies, predictor.image_size, predictor.aspect)
        sources = np.concatenate([film[None], donor_pixels(donors, reader, film.shape)])
        shown = np.repeat(np.arange(1, n + 1), len(masks))
        films = MaskedFilms(sources, self.segments, np.tile(masks, (n, 1)), shown, "neighbour")
        return predictor.scores(films, self.target.finding).reshape(n, -1)

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
            "weights": [float(f"{weight:.6g}") for weight in explanations[0].weights],
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
            "area_iou": localisation.area_iou(heat, self.lesion),
            "energy": localisation.energy_inside(heat, self.lesion),
            "in_lungs": localisation.energy_inside(heat, self.lungs),
            "deletion": faithfulness.deletion_auc(weights, self.segments, self.score),
            "insertion": faithfulness.insertion_auc(weights, self.segments, self.score),
            "held_out": faithfulness.held_out_correlation(weights, self.held_out, self.held_out_scores),
            "fidelity": explanation.fidelity,
            **self._by_donors(explanation),
        }

    def _by_donors(self, explanation: Explanation) -> dict[str, float]:
        """Deletion and insertion by films that this explanation has not used; NaN where there are none."""
        donors = self.donors.unused(explanation, self.settings.n_donors)
        areas = (float("nan"), float("nan"))
        if donors:
            score = partial(self.score_donors, donors=donors)
            areas = faithfulness.donor_aucs(explanation.weights, self.segments, score)
        return dict(zip(("donor_deletion", "donor_insertion"), areas, strict=True))

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
        seed = self.settings.seed + (
            self.settings.seeds if self.benchmark.specs[name].name == RandomSegments.name else 0
        )
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
