from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import chisquare

from cxrneighbors import compiled
from cxrneighbors.statistics import permutation
from cxrneighbors.statistics.permutation import (
    exchange_groups,
    exchanges,
    permutation_test,
)


def test_patients_exchange_only_with_like_patients():
    units = np.array([0, 0, 1, 1, 2, 2, 3, 4, 4, 4])
    attributes = np.array([0, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    groups = exchange_groups(units, attributes)
    # Patients 0 and 1 have one image of each kind (in another order); 2, 3 and 4 have nobody like them.
    assert [group.tolist() for group in groups] == [[[0, 1], [3, 2]]]
    assert sum(group.size for group in groups) == 4


def test_exchange_moves_whole_patients_and_keeps_attributes():
    rng = np.random.default_rng(0)
    units, attributes = np.sort(rng.integers(0, 40, 80)), rng.integers(0, 2, 80)
    groups = exchange_groups(units, attributes)
    moved = 0
    for row in exchanges(groups, 80, 30, rng):
        assert sorted(row) == list(range(80))
        assert np.array_equal(attributes[row], attributes)
        for unit in np.unique(units):
            assert len(np.unique(units[row[units == unit]])) == 1
        moved += (row != np.arange(80)).sum()
    assert moved > 0


def test_p_value_approaches_full_enumeration():
    values = np.array([5.0, 1.0, 4.0, 2.0, 0.0])
    weights = np.array([3.0, 0.0, 2.0, 1.0, 1.0])
    everything = [weights @ values[list(order)] for order in permutations(range(5))]
    exact = np.mean(np.array(everything) >= weights @ values - 1e-9)
    groups = exchange_groups(np.arange(5), np.zeros(5, int))
    test = permutation_test(
        lambda source: (values[source] @ weights)[:, None], groups, 5, 5, 20_000, np.random.default_rng(4)
    )
    assert test.p_value[0] == pytest.approx(exact, abs=0.005)
    assert test.null_mean[0] == pytest.approx(np.mean(everything), abs=0.05)
    assert test.n_permutations == 20_000


def test_nothing_to_exchange_gives_p_one():
    test = permutation_test(
        lambda source: source[:, :1].astype(float), [], 3, 3, 99, np.random.default_rng(0)
    )
    assert test.p_value[0] == 1.0


def test_an_undefined_statistic_has_no_p_value():
    test = permutation_test(
        lambda source: np.full((len(source), 1), np.nan), [], 3, 3, 9, np.random.default_rng(0)
    )
    assert np.isnan(test.p_value[0]) and np.isnan(test.null_mean[0])


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch, threads: int):
    monkeypatch.setattr(compiled, "thread_count", lambda: threads)
    monkeypatch.setattr(permutation, "_CHUNK_PAIRS", 70)
    values, groups = np.arange(7.0), exchange_groups(np.arange(7), np.zeros(7, int))
    test = permutation_test(
        lambda source: (values[source] @ values)[:, None], groups, 7, 7, 105, np.random.default_rng(1)
    )
    assert test.n_permutations == 105
    assert (test.p_value[0], test.null_mean[0]) == (pytest.approx(1 / 106), pytest.approx(62.8, abs=2))
    assert test.null_sd[0] == KNOWN.setdefault("sd", test.null_sd[0])


KNOWN: dict[str, float] = {}


def test_every_order_is_equally_likely():
    groups = exchange_groups(np.array([0, 0, 1, 1, 2, 2, 3, 4]), np.zeros(8, int))
    drawn = exchanges(groups, 8, 60_000, np.random.default_rng(0))
    orders, times = np.unique(drawn, axis=0, return_counts=True)
    assert len(orders) == 6 * 2 and chisquare(times).pvalue > 0.001
