from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from cxrneighbors.evaluation.sampling import draw_neighbors
from cxrneighbors.statistics.groups import equal_sized_groups


def test_draws_are_distinct_candidates_of_the_stratum():
    rng = np.random.default_rng(0)
    own, strata = rng.integers(0, 40, 200), rng.integers(0, 3, 200)
    targets = np.arange(200)
    drawn = draw_neighbors(targets, own, strata, targets, 5, rng)
    assert (drawn >= 0).all()
    assert all(len(set(row)) == 5 for row in drawn)
    assert (strata[drawn] == strata[:, None]).all()
    assert (own[drawn] != own[:, None]).all()


def test_every_set_of_candidates_is_equally_likely():
    rng = np.random.default_rng(1)
    own = np.array([0, 1, 0, 2, 3, 4, 4])  # target 0 may draw 1, 3, 4, 5, 6
    strata = np.zeros(7, dtype=int)
    drawn = draw_neighbors(np.zeros(20_000, dtype=int), own, strata, np.arange(7), 2, rng)
    sets = {frozenset(pair): 0 for pair in combinations([1, 3, 4, 5, 6], 2)}
    for row in drawn:
        sets[frozenset(row.tolist())] += 1
    assert stats.chisquare(list(sets.values())).pvalue > 0.001
    assert stats.chisquare(np.bincount(drawn[:, 0])[[1, 3, 4, 5, 6]]).pvalue > 0.001


def test_missing_candidates_are_marked():
    own, strata = np.array([0, 1, 2, 3]), np.array([0, 0, 0, 1])
    drawn = draw_neighbors(np.array([0, 3]), own, strata, own, 3, np.random.default_rng(2))
    assert sorted(drawn[0]) == [-1, 1, 2] and drawn[0, 2] == -1
    assert drawn[1].tolist() == [-1, -1, -1]


def test_one_film_of_each_patient():
    """Two places among patients of 1, 2 and 5 films: by films first, then by what is left."""
    own, strata = np.array([9, 1, 2, 2, 3, 3, 3, 3, 3, 4]), np.r_[np.zeros(9, int), 1]
    drawn = draw_neighbors(np.zeros(20_000, dtype=int), own, strata, own, 2, np.random.default_rng(3))
    assert (own[drawn[:, 0]] != own[drawn[:, 1]]).all() and (strata[drawn] == 0).all()
    np.testing.assert_allclose(np.bincount(drawn[:, 0])[1:] / 20_000, np.full(8, 1 / 8), atol=0.01)
    for first, films in ((1, 1), (2, 2), (3, 5)):
        second = own[drawn[own[drawn[:, 0]] == first, 1]]
        for patient, size in ((1, 1), (2, 2), (3, 5)):
            expected = 0.0 if patient == first else size / (8 - films)
            assert (second == patient).mean() == pytest.approx(expected, abs=0.025)


def test_a_patient_with_nearly_all_films_hides_nobody():
    own, nothing = np.r_[0, np.full(2000, 1), 2, 3], np.zeros(2003, int)
    drawn = draw_neighbors(np.zeros(50, dtype=int), own, nothing, own, 4, np.random.default_rng(4))
    assert all(sorted(line) == [-1, 1, 2, 3] for line in np.where(drawn < 0, -1, own[drawn]).tolist())


def test_groups_are_ordered_and_complete():
    key, order = np.array([3, 1, 3, 3, 1, 9]), np.array([2, 0, 1, 1, 5, 0])
    groups = equal_sized_groups(key, order)
    assert [group.tolist() for group in groups] == [[[5]], [[1, 4]], [[2, 3, 0]]]
    assert equal_sized_groups(np.array([], dtype=int)) == []
