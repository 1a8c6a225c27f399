from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from cxrneighbors.evaluation.expectation import random_expectation
from cxrneighbors.evaluation.labels import encode_labels
from cxrneighbors.evaluation.overlap import DEFINITIONS, labels_for, pair_overlap
from cxrneighbors.evaluation.significance import (
    affordable_permutations,
    exchange_groups,
    exchanges,
    holm,
    permutation_test,
    share_exchanged,
)
from cxrneighbors.evaluation.statistics import FindingStatistic, LiftStatistic

from .fake_index import random_findings, uneven_patients


def test_patients_exchange_only_with_like_patients():
    units = np.array([0, 0, 1, 1, 2, 2, 3, 4, 4, 4])
    attributes = np.array([0, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    groups = exchange_groups(units, attributes)
    # Patients 0 and 1 have one image of each kind (in another order); 2, 3 and 4 have nobody like them.
    assert [group.tolist() for group in groups] == [[[0, 1], [3, 2]]]
    assert share_exchanged(groups, 10) == 0.4


def test_exchange_moves_whole_patients_and_keeps_attributes():
    rng = np.random.default_rng(0)
    units, attributes = uneven_patients(rng, 80), rng.integers(0, 2, 80)
    groups = exchange_groups(units, attributes)
    moved = 0
    for source in exchanges(groups, 80, 30, rng, chunk=7):
        for row in source:
            assert sorted(row) == list(range(80))
            assert np.array_equal(attributes[row], attributes)
            for unit in np.unique(units):
                assert len(np.unique(units[row[units == unit]])) == 1
            moved += (row != np.arange(80)).sum()
    assert moved > 0


@pytest.mark.parametrize("definition", DEFINITIONS)
@pytest.mark.parametrize("matched", [False, True])
def test_expectation_travels_with_the_labels(definition, matched):
    """Recomputing the expectation on exchanged labels gives the expectation of the rows they came from."""
    rng = np.random.default_rng(1)
    patients, strata = uneven_patients(rng, 70), rng.integers(0, 2, 70) * int(matched)
    masks = labels_for(encode_labels(random_findings(rng, 70)), definition).masks
    before = random_expectation(masks, patients, definition, strata).mean
    groups = exchange_groups(patients, strata)
    for source in next(exchanges(groups, 70, 5, rng, chunk=5)):
        after = random_expectation(masks[source], patients, definition, strata).mean
        np.testing.assert_allclose(after, before[source], atol=1e-12)


def make_lift(rng, definition="any", n=40):
    masks = labels_for(encode_labels(random_findings(rng, n)), definition).masks
    targets = np.sort(rng.choice(n, 25, replace=False))
    neighbors = np.stack([rng.choice(np.setdiff1d(np.arange(n), [t]), 3, replace=False) for t in targets])
    expectation = rng.random(n)
    groups = np.stack([np.ones(25, bool), rng.random(25) < 0.4, np.zeros(25, bool)], axis=1)
    counts = (masks != 0).any(axis=1)
    return masks, targets, neighbors, expectation, counts, groups


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_lift_statistic_equals_a_loop(definition):
    rng = np.random.default_rng(2)
    masks, targets, neighbors, expectation, counts, groups = make_lift(rng, definition)
    statistic = LiftStatistic(masks, targets, neighbors, expectation, counts, groups, definition)
    source = np.stack([rng.permutation(40) for _ in range(4)])
    ours = statistic(source)
    for b, row in enumerate(source):
        for s in range(2):
            lifts = [
                np.mean([pair_overlap(masks[row[t]], masks[row[j]], definition) for j in found])
                - expectation[row[t]]
                for t, found, chosen in zip(targets, neighbors, groups[:, s], strict=True)
                if chosen and counts[row[t]]
            ]
            assert ours[b, s] == pytest.approx(np.mean(lifts))
    assert np.isnan(ours[:, 2]).all()


@pytest.mark.parametrize("more", [0, 14, 70])
def test_finding_statistic_equals_a_loop(more):
    """Few findings are counted in a table, more of them bit by bit, many in several words."""
    rng = np.random.default_rng(3)
    labels = encode_labels([*random_findings(rng, 40), [f"f{i}" for i in range(more)]]).take(np.arange(40))
    _, targets, neighbors, *_ = make_lift(rng)
    member = labels.membership()
    source = np.stack([rng.permutation(40) for _ in range(3)])
    ours = FindingStatistic(labels.masks, targets, neighbors, len(labels.names))(source)
    for b, row in enumerate(source):
        now = member[row]
        for f in range(len(labels.names)):
            shares = [now[found, f].mean() for t, found in zip(targets, neighbors, strict=True) if now[t, f]]
            assert ours[b, f] == pytest.approx(np.mean(shares) if shares else np.nan, nan_ok=True)


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


def test_fewer_permutations_for_huge_data():
    assert affordable_permutations(9999, 5_000) == 9999
    assert affordable_permutations(9999, 100_000) == 5000
    assert affordable_permutations(9999, 10**9) == 999
    assert affordable_permutations(199, 10**9) == 199


def test_holm_by_hand():
    p = np.array([0.04, 0.01, np.nan, 0.03, 0.005])
    np.testing.assert_allclose(holm(p), [0.06, 0.03, np.nan, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]
    assert holm(np.array([])).tolist() == []
