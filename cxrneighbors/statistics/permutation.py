"""Permutation test with the patient as the unit: whole patients exchange their labels.

The neighbour graph is held fixed; whole patients exchange their labels. A patient's images form a sequence,
and two patients may swap their label sequences when these are of the same length (and, in a matched test,
when their images have the same attributes one by one). If the graph knows nothing of the findings, every such
exchange gives an equally likely data set, so the share of exchanges with a lift at least as high is an exact
p-value, however alike the films of one patient are.

All labelled images of the candidate pool take part, targets or not, since their labels count on the
neighbours' side. Images that are scored exchange only with images that are scored, so the test stays exact
when the targets were chosen by their findings. The random expectation needs no second computation: the pool
keeps its label sets, and a sequence takes its own patient's labels along, so the expectation of a row is that
of the row its labels came from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cxrneighbors.compiled import by_thread, compiled
from cxrneighbors.statistics.groups import equal_sized_groups

_CHUNK_PAIRS = 2_000_000  # target-neighbour pairs of the exchanges that are made at once
_TIE = 1e-9  # sums in another order differ in the last bits; equal lifts must count as equal


@dataclass(frozen=True)
class PermutationTest:
    """Outcome of a permutation test of S statistics.

    observed: float64 (S,); p_value: float64 (S,) one-sided, (1 + #{permuted >= observed}) / (1 + B), NaN
    where the statistic is undefined; null_mean, null_sd: float64 (S,); n_permutations: B.
    """

    observed: np.ndarray
    p_value: np.ndarray
    null_mean: np.ndarray
    null_sd: np.ndarray
    n_permutations: int


def exchange_groups(units: np.ndarray, attributes: np.ndarray) -> list[np.ndarray]:
    """Patients that may exchange their label sequences: a list of int64 (M, s), M >= 2 patients of s images.

    units: int (n,) patient of each image; attributes: int (n,) what must agree image by image. A patient's
    images are ordered by attribute, then by row, so only the counts of each attribute need to agree.
    Patients that nobody can exchange with are in no group: they stay fixed.
    """
    groups = []
    for members in equal_sized_groups(units, order_by=attributes):
        kinds, which = np.unique(attributes[members], axis=0, return_inverse=True)
        which = which.reshape(-1)
        groups += [members[which == kind] for kind in range(len(kinds))]
    return [group for group in groups if len(group) > 1]


def exchanges(groups: list[np.ndarray], n: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` random exchanges: int32 (count, n); row i takes the labels of row `source[:, i]`."""
    source = np.empty((count, n), dtype=np.int32)
    rows = np.concatenate([np.empty(0, dtype=np.int64), *(group.reshape(-1) for group in groups)])
    shapes = np.array([group.shape for group in groups], dtype=np.int64).reshape(-1, 2)
    _exchange(source, rows, shapes, rng)
    return source


@compiled
def _exchange(source: np.ndarray, rows: np.ndarray, shapes: np.ndarray, rng: np.random.Generator) -> None:
    """`rows`: of the groups one after another; `shapes` (G, 2): patients and images a patient of each."""
    order = np.empty(max(1, len(rows)), dtype=np.int64)
    for line in source:
        for i in range(len(line)):
            line[i] = i
        start = 0
        for group in range(len(shapes)):
            patients, images = shapes[group, 0], shapes[group, 1]
            for i in range(patients):
                order[i] = i
            for i in range(patients - 1, 0, -1):  # Fisher and Yates
                j = int(rng.random() * (i + 1))
                order[i], order[j] = order[j], order[i]
            for i in range(patients):
                for image in range(images):
                    line[rows[start + i * images + image]] = rows[start + order[i] * images + image]
            start += patients * images


def permutation_test(
    statistic: Callable[[np.ndarray], np.ndarray],
    groups: list[np.ndarray],
    n: int,
    n_pairs: int,
    n_permutations: int,
    rng: np.random.Generator,
) -> PermutationTest:
    """Test S statistics at once. `statistic` takes sources (b, n) and returns float64 (b, S).

    n_pairs: target-neighbour pairs behind one evaluation, which decide how many exchanges are made at once.
    These parts have random generators of their own, so the outcome does not depend on the number of threads.
    """
    observed = statistic(np.arange(n, dtype=np.int32)[None, :])[0]
    null = np.empty((n_permutations, len(observed)))
    chunk = max(1, _CHUNK_PAIRS // max(n_pairs, n, 1))
    starts = range(0, n_permutations, chunk)
    generators = dict(zip(starts, rng.spawn(len(starts)), strict=True))

    def evaluate(start: int) -> None:
        size = min(chunk, n_permutations - start)
        null[start : start + size] = statistic(exchanges(groups, n, size, generators[start]))

    by_thread(evaluate, starts)
    at_least = (null >= observed - _TIE).sum(axis=0)
    # A permutation in which a statistic is undefined (nobody to average over) counts against the finding.
    at_least += np.isnan(null).sum(axis=0)
    p_value = np.where(np.isnan(observed), np.nan, (1 + at_least) / (1 + n_permutations))
    known = np.ma.masked_invalid(null)
    mean, spread = (part.filled(np.nan) for part in (known.mean(axis=0), known.std(axis=0)))
    return PermutationTest(observed, p_value, mean, spread, n_permutations)
