"""Statistics that the permutation test evaluates on exchanged labels (see `exchange_tests`).

A statistic takes sources int (b, n): in exchange b, row i carries the labels of row `source[b, i]`. They are
evaluated thousands of times: labels are exchanged into a table of the smallest words that hold a mask, which
stays in the cache, and pairs of targets and neighbours are looked up there in one compiled loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cxrneighbors.compiled import compiled
from cxrneighbors.evaluation.overlap import DEFINITIONS

Statistic = Callable[[np.ndarray], np.ndarray]
JACCARD, EXACT = DEFINITIONS.index("jaccard"), DEFINITIONS.index("exact")
SMALL_BITS = 16  # sets of up to so many findings fit into uint16, and there are few enough to count each
_BYTE = np.array([bin(byte).count("1") for byte in range(256)], dtype=np.uint8)


def small_masks(masks: np.ndarray) -> np.ndarray:
    """Masks uint64 (n, W) as uint16 where they fit: less memory to look up."""
    small = masks.shape[1] == 1 and (masks.size == 0 or int(masks.max()) < 1 << SMALL_BITS)
    return masks.astype(np.uint16) if small else masks


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
        masks, patterns, of_target = self._prepared
        lift, scored = np.zeros((2, len(source), len(patterns)))
        given = source, self.targets, self.neighbors, self.expectation, self.counts, of_target
        if masks.dtype == np.uint16 and self.definition in ("any", "any-disease"):
            _sum_any(masks[:, 0], *given, lift, scored)
        else:
            _sum_lifts(masks, *given, lift, scored, DEFINITIONS.index(self.definition))
        weight = scored @ patterns
        return np.where(weight > 0, lift @ patterns / np.maximum(weight, 1), np.nan)

    @cached_property
    def _prepared(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Small masks; the P different lines of `groups`, (P, S); which of them is each target's, (T,)."""
        patterns, of_target = np.unique(self.groups, axis=0, return_inverse=True)
        return small_masks(self.masks), patterns, of_target.reshape(-1)  # numpy 2.0 alone returns (T, 1)


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
        masks = self._small
        pairs, targets = np.zeros((2, len(source), self.n_findings), dtype=np.int64)
        if masks.dtype == np.uint16:
            _count_small(masks[:, 0], source, self.targets, self.neighbors, pairs, targets)
        else:
            _count_large(masks, source, self.targets, self.neighbors, pairs, targets)
        with_finding = targets * self.neighbors.shape[1]
        return np.where(with_finding > 0, pairs / np.maximum(with_finding, 1), np.nan)

    @cached_property
    def _small(self) -> np.ndarray:
        return small_masks(self.masks)


@compiled
def _sum_any(
    masks: np.ndarray,
    source: np.ndarray,
    targets: np.ndarray,
    neighbors: np.ndarray,
    expectation: np.ndarray,
    counts: np.ndarray,
    group: np.ndarray,
    lift: np.ndarray,
    scored: np.ndarray,
) -> None:
    """`_sum_lifts` where one finding in common is enough, in half the time; masks: uint16 (n,)."""
    k, labels = neighbors.shape[1], np.empty_like(masks)
    for b in range(len(source)):
        for i in range(len(masks)):
            labels[i] = masks[source[b, i]]
        for t in range(len(targets)):
            mine, origin, hits = labels[targets[t]], source[b, targets[t]], 0
            for rank in range(k):
                hits += (mine & labels[neighbors[t, rank]]) != 0
            if counts[origin]:
                lift[b, group[t]] += hits / k - expectation[origin]
                scored[b, group[t]] += 1.0


@compiled
def _sum_lifts(
    masks: np.ndarray,
    source: np.ndarray,
    targets: np.ndarray,
    neighbors: np.ndarray,
    expectation: np.ndarray,
    counts: np.ndarray,
    group: np.ndarray,
    lift: np.ndarray,
    scored: np.ndarray,
    definition: int,
) -> None:
    """Sum of the lifts, and number of targets scored, in each of P groups: into `lift`, `scored` (b, P)."""
    k, words = neighbors.shape[1], masks.shape[1]
    labels = np.empty_like(masks)
    for b in range(len(source)):
        for i in range(len(masks)):
            for word in range(words):
                labels[i, word] = masks[source[b, i], word]
        for t in range(len(targets)):
            target = targets[t]
            origin = source[b, target]
            if not counts[origin]:
                continue
            total = 0.0
            for rank in range(k):
                neighbor, shared, both, either = neighbors[t, rank], definition == EXACT, 0, 0
                for word in range(words):
                    mine, other = labels[target, word], labels[neighbor, word]
                    if definition == EXACT:
                        shared &= mine == other
                    elif definition == JACCARD:
                        both += _bits(mine & other)
                        either += _bits(mine | other)
                    else:
                        shared |= (mine & other) != 0
                if definition == JACCARD:
                    total += both / either if either else 1.0
                else:
                    total += shared
            lift[b, group[t]] += total / k - expectation[origin]
            scored[b, group[t]] += 1.0


@compiled
def _bits(mask: int) -> int:
    """How many bits are set."""
    count = 0
    while mask:
        count += _BYTE[mask & 255]
        mask >>= 8
    return count


@compiled
def _count_small(
    masks: np.ndarray,
    source: np.ndarray,
    targets: np.ndarray,
    neighbors: np.ndarray,
    shared: np.ndarray,
    own: np.ndarray,
) -> None:
    """How often each finding is shared by target and neighbour, and is a target's: (b, C) each.

    masks: uint16 (n,). Sets are counted, then what is in them.
    """
    labels, n_findings = np.empty_like(masks), shared.shape[1]
    for b in range(len(source)):
        for i in range(len(masks)):
            labels[i] = masks[source[b, i]]
        sets = np.zeros((2, 1 << n_findings), dtype=np.int64)
        for t in range(len(targets)):
            mine = labels[targets[t]]
            sets[1, mine] += 1
            for rank in range(neighbors.shape[1]):
                sets[0, mine & labels[neighbors[t, rank]]] += 1
        for each in range(1, 1 << n_findings):
            if sets[0, each] or sets[1, each]:
                for finding in range(n_findings):
                    if each >> finding & 1:
                        shared[b, finding] += sets[0, each]
                        own[b, finding] += sets[1, each]


@compiled
def _count_large(
    masks: np.ndarray,
    source: np.ndarray,
    targets: np.ndarray,
    neighbors: np.ndarray,
    shared: np.ndarray,
    own: np.ndarray,
) -> None:
    """`_count_small` for masks of any size, uint64 (n, W): one finding after another."""
    for b in range(len(source)):
        for t in range(len(targets)):
            for finding in range(shared.shape[1]):
                word, bit = finding // 64, np.uint64(1) << np.uint64(finding % 64)
                if masks[source[b, targets[t]], word] & bit:
                    own[b, finding] += 1
                    for rank in range(neighbors.shape[1]):
                        shared[b, finding] += (masks[source[b, neighbors[t, rank]], word] & bit) != 0
