"""How Contrast-LIME weighs segments from films that show donors: a surrogate, or slopes on soft masks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from cxrneighbors.explain.certificate import Fit, fit_rounds
from cxrneighbors.explain.detail import detail_map, difference_to
from cxrneighbors.explain.donor_levels import linked, within_donors
from cxrneighbors.explain.locality import Locality
from cxrneighbors.explain.masking import Masking
from cxrneighbors.explain.masks import balanced_rounds, random_rounds
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.sampling import MaskDesign, in_turn, sample_rounds
from cxrneighbors.explain.segments import segment_means
from cxrneighbors.explain.soft_contrast import soft_contrast
from cxrneighbors.explain.surrogate import Sample, Surrogate, fit_surrogate


@dataclass(frozen=True)
class ContrastFit:
    """`fit`: weights of S segments; `donor_weights`: each donor's own, float64 (K, S), or None;
    `pixel_map`: evidence in each pixel, float32 (H, W), or None.
    """

    fit: Fit
    donor_weights: np.ndarray | None = None
    pixel_map: np.ndarray | None = None


class ContrastFitter(Protocol):
    """Scores films between a target and its donors, and weighs the target's segments."""

    def __call__(self, target: str, sources: np.ndarray, segments: np.ndarray) -> ContrastFit:
        """`target`: the finding; `sources`: float32 (1 + K, C, H, W), the target's film and its donors
        laid on it; `segments`: int (H, W).
        """


@dataclass(frozen=True)
class SegmentContrast:
    """A surrogate on films whose masked segments show donors; for its options see `ContrastLime`."""

    predictor: Predictor
    masking: Masking
    locality: Locality
    link: str
    detail: bool
    balanced: bool
    mixed: bool
    feather: float

    def __call__(self, target: str, sources: np.ndarray, segments: np.ndarray) -> ContrastFit:
        """See `ContrastFitter`."""
        k, masking = len(sources) - 1, self.masking
        rounds = self.rounds(k, int(segments.max()) + 1)
        mixed = np.random.default_rng([masking.seed, 1]) if self.mixed else None
        design = MaskDesign(sources, segments, rounds, fill="neighbour", mixed=mixed, feather=self.feather)
        kept: list[Sample] = []
        samples = _kept(sample_rounds(self.predictor, target, design, self.locality), kept)
        n_donors = 0 if self.mixed else k
        rows = enumerate(self.linked(samples))
        compared = (within_donors(each, n_donors, int(number == 0)) for number, each in rows)
        fit = fit_rounds(compared, self.locality.weights, masking.alpha, masking.stability, masking.seed)
        fit = replace(fit, prediction=float(kept[0].y[0]))
        return ContrastFit(
            fit,
            None if self.mixed else self.donor_weights(kept, k),
            detail_map(fit.surrogate.coefficients, segments, sources) if self.detail else None,
        )

    def rounds(self, k: int, n_segments: int) -> Iterator[np.ndarray]:
        """Masks, round by round, at most (K + 1)·P in each: uint8 (N, S)."""
        if self.balanced:
            return balanced_rounds((k + 1) * self.masking.n_masks, n_segments)
        rng = np.random.default_rng(self.masking.seed)
        return random_rounds(k + 1, self.masking.n_masks, n_segments, rng)

    def linked(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """The samples with scores as the link has them."""
        for sample in samples:
            yield replace(sample, y=linked(sample.y, self.link))

    def donor_weights(self, samples: list[Sample], k: int) -> np.ndarray:
        """Each donor's weights, of a surrogate on the target and the films that show it: float64 (K, S)."""
        shown = _shown([len(sample.y) for sample in samples], k)
        x = np.concatenate([sample.x for sample in samples])
        y = np.concatenate([sample.y for sample in self.linked(samples)])
        weights = self.locality.weights(np.concatenate([sample.distance for sample in samples]))
        fits = []
        for donor in range(1, k + 1):
            rows = (shown == donor) | (shown == 0)
            fits.append(fit_surrogate(x[rows], y[rows], weights[rows], self.masking.alpha).coefficients)
        return np.stack(fits)


@dataclass(frozen=True)
class SoftMaskContrast:
    """Slopes of the linked score on RISE's soft masks of `grid` x `grid` cells, a segment's weight their mean
    there; no surrogate.
    """

    predictor: Predictor
    masking: Masking
    link: str
    detail: bool
    grid: int

    def __call__(self, target: str, sources: np.ndarray, segments: np.ndarray) -> ContrastFit:
        """See `ContrastFitter`."""
        prediction = float(self.predictor.scores(MaskedFilms.unmasked(sources[0]), target)[0])
        found = soft_contrast(
            self.predictor,
            target,
            sources,
            len(sources) * self.masking.n_masks,
            self.grid,
            lambda scores: linked(scores, self.link),
            np.random.default_rng(self.masking.seed),
        )
        weights = segment_means(found.heat, segments)
        heat = found.heat * difference_to(sources) if self.detail else found.heat
        return ContrastFit(
            Fit(Surrogate(weights, float("nan"), float("nan")), prediction, 1 + found.n_scored),
            np.stack([segment_means(each, segments) for each in found.donor_maps]),
            heat.astype(np.float32),
        )


def _kept(samples: Iterable[Sample], kept: list[Sample]) -> Iterator[Sample]:
    """The samples as they come, each put into `kept` too."""
    for sample in samples:
        kept.append(sample)
        yield sample


def _shown(rows: list[int], k: int) -> np.ndarray:
    """Which donor each film shows, rounds of so many `rows` joined, 0 for the unmasked target: int64 (N,)."""
    first, *others = rows
    return np.concatenate([[0], in_turn(first - 1, k + 1), *(in_turn(n, k + 1) for n in others)])
