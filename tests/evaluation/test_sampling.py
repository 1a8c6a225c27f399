from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy import stats

from cxrneighbors.evaluation.sampling import draw_neighbors
from cxrneighbors.statistics.groups import equal_sized_groups


def test_draws_are_distinct_candidates_of_the_stratum():
    rng = np.random.default_rng(0)
    own, strata = rng.integers(0, 40, 200), rng.integers(0, 3, 200)
    targets = np.arange(200)
    drawn = draw_neighbors(targets, own, strata, 5, rng)
    assert (drawn >= 0).all()
    assert all(len(set(row)) == 5 for row in drawn)
    assert (strata[drawn] == strata[:, None]).all()
    assert (own[drawn] != own[:, None]).all()


def test_every_set_of_candidates_is_equally_likely():
    rng = np.random.default_rng(1)
    own = np.array([0, 1, 0, 2, 3, 4, 4])  # target 0 may draw 1, 3, 4, 5, 6
    strata = np.zeros(7, dtype=int)
    drawn = draw_neighbors(np.zeros(20_000, dtype=int), own, strata, 2, rng)
    sets = {frozenset(pair): 0 for pair in combinations([1, 3, 4, 5, 6], 2)}
    for row in drawn:
        sets[frozenset(row.tolist())] += 1
    assert stats.chisquare(list(sets.values())).pvalue > 0.001
    assert stats.chisquare(np.bincount(drawn[:, 0])[[1, 3, 4, 5, 6]]).pvalue > 0.001


def test_missing_candidates_are_marked():
    own, strata = np.array([0, 1, 2, 3]), np.array([0, 0, 0, 1])
    drawn = draw_neighbors(np.array([0, 3]), own, strata, 3, np.random.default_rng(2))
    assert sorted(drawn[0]) == [-1, 1, 2] and drawn[0, 2] == -1
    assert drawn[1].tolist() == [-1, -1, -1]


def test_groups_are_ordered_and_complete():
    key, order = np.array([3, 1, 3, 3, 1, 9]), np.array([2, 0, 1, 1, 5, 0])
    groups = equal_sized_groups(key, order)
    assert [group.tolist() for group in groups] == [[[5]], [[1, 4]], [[2, 3, 0]]]
    assert equal_sized_groups(np.array([], dtype=int)) == []
