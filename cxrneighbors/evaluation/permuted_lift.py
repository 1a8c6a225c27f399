"""Statistics that the permutation test evaluates on exchanged labels (see `exchange_tests`).

A statistic takes sources int (b, n): in exchange b, row i carries the labels of row `source[b, i]`. They are
evaluated thousands of times, so labels are exchanged once and neighbours are read rank by rank: K passes over
(b, T) arrays of the smallest word that holds a mask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from cxrneighbors.evaluation.overlap import overlap_function

Statistic = Callable[[np.ndarray], np.ndarray]
_TABLE_BITS = 16  # up to so many findings, shared sets are counted in a table of 2^C entries


def compact_masks(masks: np.ndarray, n_findings: int | None = None) -> np.ndarray:
    """Masks uint64 (n, W) in the smallest unsigned type that holds them, (n, W): less memory to gather from.

    With `n_findings`, the type has a bit for each of these, whether or not one occurs.
    """
    if masks.shape[1] > 1 or masks.size == 0:
        return masks
    largest = int(masks.max()) if n_findings is None else (1 << n_findings) - 1
    return masks.astype(np.min_scalar_type(largest))


@dataclass(frozen=True)
class LiftStatistic:
    """Mean lift (overlap minus exact expectation) over groups of targets.

    masks: uint64 (n, W); targets: int (T,); neighbors: int (T, K), both positions in the pool;
    expectation: float64 (n,), per pool image; counts: bool (n,), label sets that are scored (`any-disease`
    scores images with disease only, and that property travels with the label); groups: bool (T, S).
    """

    masks: np.ndarray
    targets: np.ndarray
    neighbors: np.ndarray
    expectation: np.ndarray
    counts: np.ndarray
    groups: np.ndarray
    definition: str

    def __call__(self, source: np.ndarray) -> np.ndarray:
        """Mean lift under exchanged labels: float64 (b, S), NaN for an empty group."""
        labels, origin = compact_masks(self.masks).take(source, axis=0), source.take(self.targets, axis=1)
        own, overlap = labels.take(self.targets, axis=1), overlap_function(self.definition)
        shared = np.zeros(origin.shape)
        for column in self.neighbors.T:
            shared += overlap(own, labels.take(column, axis=1))
        lift = shared / self.neighbors.shape[1] - self.expectation.take(origin)
        scored = self.counts.take(origin)
        lift[~scored] = 0.0
        groups = self.groups.astype(np.float64)
        weight = scored.astype(np.float64) @ groups
        return np.where(weight > 0, lift @ groups / np.maximum(weight, 1), np.nan)


@dataclass(frozen=True)
class FindingStatistic:
    """Share of neighbours with finding f, over the targets with f, for each of C findings.

    The exchange gives scored images the labels of scored images, so how many targets have f, and the sum of
    their expectations, never change: the share alone orders the permutations.
    masks: uint64 (n, W); targets: int (T,); neighbors: int (T, K); n_findings: C.
    """

    masks: np.ndarray
    targets: np.ndarray
    neighbors: np.ndarray
    n_findings: int

    def __call__(self, source: np.ndarray) -> np.ndarray:
        """Shares under exchanged labels: float64 (b, C), NaN where no target has f."""
        labels = compact_masks(self.masks, self.n_findings).take(source, axis=0)
        own = labels.take(self.targets, axis=1)
        with_finding = self.count_findings(own[None]) * self.neighbors.shape[1]
        pairs = self.count_findings(own & labels.take(column, axis=1) for column in self.neighbors.T)
        return np.where(with_finding > 0, pairs / np.maximum(with_finding, 1), np.nan)

    def count_findings(self, parts: Iterable[np.ndarray]) -> np.ndarray:
        """How often each finding occurs in parts of masks (b, T, W): float64 (b, C)."""
        if self.n_findings > _TABLE_BITS or 1 << self.n_findings > len(self.targets):
            return np.asarray(np.sum([self._count_bits(part) for part in parts], axis=0))
        # Many images, few findings: count the different sets, then look into these.
        sets = np.sum([self._count_sets(part[..., 0]) for part in parts], axis=0)
        bits = (np.arange(sets.shape[1])[:, None] >> np.arange(self.n_findings)) & 1
        return np.asarray(sets @ bits.astype(np.float64))

    def _count_sets(self, masks: np.ndarray) -> np.ndarray:
        size = 1 << self.n_findings
        return np.stack([np.bincount(row, minlength=size) for row in masks]).astype(np.float64)

    def _count_bits(self, masks: np.ndarray) -> np.ndarray:
        counts = np.empty((len(masks), self.n_findings))
        for finding in range(self.n_findings):
            word, bit = divmod(finding, 64)
            chosen = masks[..., word]
            counts[:, finding] = np.count_nonzero(chosen & chosen.dtype.type(1 << bit), axis=1)
        return counts
