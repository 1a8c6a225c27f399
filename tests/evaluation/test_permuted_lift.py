from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.evaluation.expectation import random_expectation
from cxrneighbors.evaluation.labels import encode_labels
from cxrneighbors.evaluation.overlap import DEFINITIONS, labels_for, pair_overlap
from cxrneighbors.evaluation.permuted_lift import FindingStatistic, LiftStatistic
from cxrneighbors.statistics.permutation import exchange_groups, exchanges

from .fake_index import random_findings, uneven_patients


@pytest.mark.parametrize("definition", DEFINITIONS)
@pytest.mark.parametrize("matched", [False, True])
def test_expectation_travels_with_the_labels(definition, matched):
    """Recomputing the expectation on exchanged labels gives the expectation of the rows they came from."""
    rng = np.random.default_rng(1)
    patients, strata = uneven_patients(rng, 70), rng.integers(0, 2, 70) * int(matched)
    masks = labels_for(encode_labels(random_findings(rng, 70)), definition).masks
    before = random_expectation(masks, patients, definition, strata).mean
    groups = exchange_groups(patients, strata)
    for source in exchanges(groups, 70, 5, rng):
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
@pytest.mark.parametrize("words", [1, 2])
def test_lift_statistic_equals_a_loop(definition, words):
    rng = np.random.default_rng(2)
    masks, targets, neighbors, expectation, counts, groups = make_lift(rng, definition)
    if words == 2:  # two of the findings move to a second word
        masks = np.concatenate([masks & ~np.uint64(3), masks & np.uint64(3)], axis=1)
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
