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

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from cxrneighbors.statistics.groups import equal_sized_groups

PAIR_BUDGET = 500_000_000  # target-neighbour pairs per test; beyond it the number of permutations is reduced
MIN_PERMUTATIONS = 999
_CHUNK_PAIRS = 2_000_000  # pairs held at once: some 50 MB
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


def exchanges(
    groups: list[np.ndarray], n: int, n_permutations: int, rng: np.random.Generator, chunk: int
) -> Iterator[np.ndarray]:
    """Random exchanges, `chunk` at a time: int64 (b, n); row i takes the labels of row `source[:, i]`."""
    for start in range(0, n_permutations, chunk):
        size = min(chunk, n_permutations - start)
        source = np.tile(np.arange(n), (size, 1))
        for members in groups:
            deal = rng.permuted(np.tile(np.arange(len(members)), (size, 1)), axis=1)
            source[:, members.reshape(-1)] = members[deal].reshape(size, -1)
        yield source


def affordable_permutations(n_permutations: int, n_pairs: int) -> int:
    """`n_permutations`, or fewer where `n_pairs` is huge: at least 999, some 5e8 label pairs in all."""
    return min(n_permutations, max(MIN_PERMUTATIONS, PAIR_BUDGET // max(n_pairs, 1)))


def permutation_test(
    statistic: Callable[[np.ndarray], np.ndarray],
    groups: list[np.ndarray],
    n: int,
    n_pairs: int,
    n_permutations: int,
    rng: np.random.Generator,
) -> PermutationTest:
    """Test S statistics at once. `statistic` takes sources (b, n) and returns float64 (b, S).

    n_pairs: target-neighbour pairs behind one evaluation; it sets the chunk and the affordable number.
    """
    observed = statistic(np.arange(n)[None, :])[0]
    count = affordable_permutations(n_permutations, n_pairs)
    chunk = max(1, _CHUNK_PAIRS // max(n_pairs, n, 1))
    null = np.concatenate([statistic(source) for source in exchanges(groups, n, count, rng, chunk)])
    at_least = (null >= observed - _TIE).sum(axis=0)
    # A permutation in which a statistic is undefined (nobody to average over) counts against the finding.
    at_least += np.isnan(null).sum(axis=0)
    p_value = np.where(np.isnan(observed), np.nan, (1 + at_least) / (1 + count))
    known = np.ma.masked_invalid(null)
    mean, spread = (part.filled(np.nan) for part in (known.mean(axis=0), known.std(axis=0)))
    return PermutationTest(observed, p_value, mean, spread, count)
