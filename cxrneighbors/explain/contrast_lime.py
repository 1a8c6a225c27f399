"""Contrast-LIME: what if it were healthy here? Masked segments show near films without the finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from cxrneighbors.explain.alignment import Aligner, Alignment
from cxrneighbors.explain.certificate import fit_rounds
from cxrneighbors.explain.counterfactual import Counterfactual, smallest_flip
from cxrneighbors.explain.donors import DonorRule, FoundDonors, find_donors
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import CachingReader, Film
from cxrneighbors.explain.masks import random_rounds
from cxrneighbors.explain.perturb import FILLS, MaskedFilms
from cxrneighbors.explain.predictor import Model, Predictor
from cxrneighbors.explain.sampling import MaskDesign, in_turn, sample_rounds
from cxrneighbors.explain.surrogate import Sample, fit_surrogate
from cxrneighbors.index.neighbor_index import NeighborIndex


class ContrastLime(Explainer):
    """LIME whose masked segments show the same place of near films without the target finding.

    Grey is no film, so a score of a greyed film says little of the film. K donors, films that the index finds
    near the target among those without the finding (`DonorRule`: `donors`, `same_view`), are laid on it
    (`Alignment`: `registration`, `intensity`). A masked film shows one donor in all its masked segments, the
    donors in turn, or, with `mixed`, a donor drawn for each segment; `feather`: see `MaskedFilms`. One
    surrogate, LIME's, is fitted to the unmasked target and (K + 1)·P masked films of it, so that `n_masks` P
    costs what it does for KP-LIME: (K + 1)·P + 1 films scored. `fill` has no meaning here.

    `mirror`: donors *with* the finding, put into a film without it: where would it appear, and why not here?
    A weight is still positive where the segment as it is supports the target, so segments in which the
    donors' look would raise the score are negative.

    `detail`: the heat map lays a segment's weight out over its pixels by how far each is from the donors'
    (`detail_map`): a pixel that donors share is no evidence.

    The donors' own weights (`Explanation.donor_weights`), each a surrogate on the films that show it, tell
    how far the donors agree (not with `mixed`, where no film shows one donor alone).

    `counterfactual`: find the smallest set of segments that brings the score across `threshold`
    (`counterfactual.smallest_flip`), by at most 12·K + 11 further films. These, and films that rule
    'classifier' scores to find donors, count in `classifier_calls` too.
    """

    name = "contrast-lime"
    title = "Contrast-LIME"
    fills = FILLS
    own_options = (
        "donors",
        "mirror",
        "same_view",
        "registration",
        "intensity",
        "feather",
        "mixed",
        "detail",
        "counterfactual",
        "threshold",
    )

    def __init__(
        self,
        model: Model | Predictor,
        index: NeighborIndex | None = None,
        *,
        donors: str = "label",
        mirror: bool = False,
        same_view: bool = True,
        registration: str = "none",
        intensity: str = "none",
        feather: float = 0.0,
        mixed: bool = False,
        detail: bool = True,
        counterfactual: bool = True,
        threshold: float = 0.5,
        **options: Any,
    ) -> None:
        super().__init__(model, index, **options)
        self.rule = DonorRule(donors, mirror, same_view)
        self.alignment = Alignment(registration, intensity)
        self.feather, self.mixed, self.detail = feather, mixed, detail
        self.counterfactual, self.threshold = counterfactual, threshold
        self.reader = CachingReader(self.reader.studies, self.reader.size, self.reader.aspect)
        self.aligner = Aligner(self.alignment, self.masking.segments.lungs)

    def explain_film(self, film: Film, target: str) -> Explanation:
        """One surrogate on films of the target that show its donors in masked segments."""
        found = self.donors(film, target)
        segments, masking = self.segments(film), self.masking
        n_segments, k = int(segments.max()) + 1, len(found.films.films)
        sources = np.concatenate([film.pixels[None], self.aligner(found.films.pixels(), film.pixels)])
        rng = np.random.default_rng(self.seed)
        rounds = random_rounds(k + 1, masking.n_masks, n_segments, rng)
        mixed = np.random.default_rng([masking.seed, 1]) if self.mixed else None
        design = MaskDesign(sources, segments, rounds, fill="neighbour", mixed=mixed, feather=self.feather)
        kept: list[Sample] = []
        samples = _kept(sample_rounds(self.predictor, target, design, self.locality), kept)
        fit = fit_rounds(samples, self.locality.weights, masking.alpha, masking.stability, masking.seed)
        weights = fit.surrogate.coefficients
        flip = self.flip(sources, segments, target, weights, fit.prediction)
        more: dict[str, Any] = {} if self.mixed else {"donor_weights": self.donor_weights(kept, k)}
        if self.detail:
            more["pixel_map"] = detail_map(weights, segments, sources)
        settings = self.own_settings(found)
        settings["classifier_calls"] = fit.n_scored + found.calls
        if flip is not None:
            settings["counterfactual"] = flip.settings(list(found.films.table["neighbor_id"]), self.threshold)
            settings["classifier_calls"] += flip.calls
            masks, shown = flip.mask(n_segments)[None], np.array([1 + flip.donor])
            films = self.composed(sources, segments, masks, shown)
            more["counterfactual"] = next(self.predictor.batches.of(films))[0].cpu().numpy()
        return self.result(film, target, segments, fit, found.films, settings=settings, **more)

    def donors(self, film: Film, target: str) -> FoundDonors:
        """The film's K donors."""
        assert self.neighbourhood is not None
        return find_donors(
            self.rule, self.neighbourhood, film, target, self.reader, self.predictor, self.masking.seed
        )

    def flip(
        self, sources: np.ndarray, segments: np.ndarray, target: str, weights: np.ndarray, prediction: float
    ) -> Counterfactual | None:
        """The smallest change across the threshold; None where it is not asked for or there is none to find.

        Without the mirror only for a score at or above the threshold, with it only for one below.
        """
        above = prediction >= self.threshold
        if not self.counterfactual or above == self.rule.with_finding:
            return None

        def score(masks: np.ndarray, donor: np.ndarray) -> np.ndarray:
            return self.predictor.scores(self.composed(sources, segments, masks, 1 + donor), target)

        return smallest_flip(score, weights, len(sources) - 1, above, self.threshold)

    def composed(
        self, sources: np.ndarray, segments: np.ndarray, masks: np.ndarray, shown: np.ndarray
    ) -> MaskedFilms:
        """Films of the target that show source `shown` (N,) where `masks` (N, S) are 0."""
        return MaskedFilms(sources, segments, masks, shown, "neighbour", self.feather)

    def donor_weights(self, samples: list[Sample], k: int) -> np.ndarray:
        """Each donor's weights, of a surrogate on the target and the films that show it: float64 (K, S)."""
        shown = _shown([len(sample.y) for sample in samples], k)
        x = np.concatenate([sample.x for sample in samples])
        y = np.concatenate([sample.y for sample in samples])
        weights = self.locality.weights(np.concatenate([sample.distance for sample in samples]))
        fits = []
        for donor in range(1, k + 1):
            rows = (shown == donor) | (shown == 0)
            fits.append(fit_surrogate(x[rows], y[rows], weights[rows], self.masking.alpha).coefficients)
        return np.stack(fits)

    def own_settings(self, found: FoundDonors) -> dict[str, Any]:
        """What an explanation records of the method's own options."""
        return {
            **asdict(self.rule),
            **asdict(self.alignment),
            "where": found.where,
            "feather": self.feather,
            "mixed": self.mixed,
            "fill": "neighbour",
            "detail": self.detail,
            "threshold": self.threshold,
            "donor_calls": found.calls,
        }


def detail_map(weights: np.ndarray, segments: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Weights (S,) laid out over pixels, each segment's mean its weight: (S,), (H, W) -> float32 (H, W).

    In proportion to |target - median of the donors|, channels averaged, smoothed by a Gaussian of 1/64 of the
    longer side. `sources`: float32 (K + 1, C, H, W), the target first. A segment in which nothing differs has
    its weight everywhere.
    """
    from scipy.ndimage import gaussian_filter

    difference = np.abs(sources[0] - np.median(sources[1:], axis=0)).mean(axis=0)
    difference = gaussian_filter(difference.astype(np.float64), max(segments.shape) / 64) + 1e-9
    mean = np.bincount(segments.ravel(), difference.ravel()) / np.bincount(segments.ravel())
    return np.asarray(weights[segments] * difference / mean[segments], dtype=np.float32)


def _kept(samples: Iterable[Sample], kept: list[Sample]) -> Iterator[Sample]:
    """The samples as they come, each put into `kept` too."""
    for sample in samples:
        kept.append(sample)
        yield sample


def _shown(rows: list[int], k: int) -> np.ndarray:
    """Which donor each film shows, rounds of so many `rows` joined, 0 for the unmasked target: int64 (N,)."""
    first, *others = rows
    return np.concatenate([[0], in_turn(first - 1, k + 1), *(in_turn(n, k + 1) for n in others)])
