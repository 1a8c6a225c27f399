from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.stats import hypergeom

from cxrneighbors.evaluation.expectation import random_expectation, random_histogram
from cxrneighbors.evaluation.labels import encode_labels
from cxrneighbors.evaluation.overlap import DEFINITIONS, labels_for, pair_overlap
from cxrneighbors.evaluation.sampling import draw_neighbors

from .fake_index import random_findings, uneven_patients


def brute_force(masks, patients, definition, strata, include):
    n = len(masks)
    mean, candidates, overlapping = np.full(n, np.nan), np.zeros(n, int), np.zeros(n, int)
    for i in range(n):
        pool = [
            j
            for j in range(n)
            if j != i and strata[j] == strata[i] and (include or patients[j] != patients[i])
        ]
        values = [float(pair_overlap(masks[i], masks[j], definition)) for j in pool]
        candidates[i], overlapping[i] = len(pool), sum(value > 0 for value in values)
        if pool:
            mean[i] = np.mean(values)
    return mean, candidates, overlapping


@pytest.mark.parametrize("definition", DEFINITIONS)
@pytest.mark.parametrize("include", [False, True])
@pytest.mark.parametrize("n_strata", [1, 4])
def test_expectation_equals_brute_force(definition, include, n_strata):
    rng = np.random.default_rng(3)
    patients = uneven_patients(rng, 60)
    labels = labels_for(encode_labels(random_findings(rng, 60)), definition)
    strata = rng.integers(n_strata, size=60)
    strata[0] = n_strata  # a stratum of one image: nobody to choose
    result = random_expectation(labels.masks, patients, definition, strata, include)
    mean, candidates, overlapping = brute_force(labels.masks, patients, definition, strata, include)
    np.testing.assert_allclose(result.mean, mean, atol=1e-12)
    assert np.array_equal(result.candidates, candidates)
    assert np.array_equal(result.overlapping, overlapping)
    assert np.isnan(result.mean[0])


def test_histogram_is_the_hypergeometric():
    candidates, overlapping = np.array([10, 10, 50, 7, 5]), np.array([0, 10, 13, 3, 2])
    expected = sum(
        stats.hypergeom(n, m, 5).pmf(np.arange(6)) for n, m in zip(candidates, overlapping, strict=True)
    )
    np.testing.assert_allclose(random_histogram(candidates, overlapping, 5), expected, atol=1e-9)


def test_histogram_sums_to_targets_and_agrees_with_the_mean():
    rng = np.random.default_rng(4)
    labels = encode_labels(random_findings(rng, 200))
    result = random_expectation(labels.masks, np.arange(200), "any")
    histogram = random_histogram(result.candidates, result.overlapping, 5)
    assert histogram.sum() == pytest.approx(200)
    assert (histogram @ np.arange(6)) / (200 * 5) == pytest.approx(result.mean.mean())


def test_histogram_of_patients_is_near_what_draws_show():
    """Films of a patient alike: the mean exact, each count within K / n of shuffled films."""
    rng = np.random.default_rng(5)
    patients = np.repeat(np.arange(60), rng.geometric(0.25, 60))
    n, k = len(patients), 5
    sick = rng.random(60)[patients] < 0.4
    masks = np.where(sick ^ (rng.random(n) < 0.1), 1, 2).astype(np.uint64)[:, None]
    result = random_expectation(masks, patients, "any", units=patients, k=k)
    drawn = draw_neighbors(np.repeat(np.arange(n), 60), patients, np.zeros(n, int), patients, k, rng)
    hits = (masks[drawn, 0] == np.repeat(masks[:, 0], 60)[:, None]).sum(axis=1)
    histogram = random_histogram(result.candidates, result.overlapping, k) / n
    assert histogram @ np.arange(k + 1) / k == pytest.approx(result.mean.mean())
    assert hits.mean() / k == pytest.approx(result.mean.mean(), abs=0.005)
    np.testing.assert_allclose(histogram, np.bincount(hits, minlength=k + 1) / len(hits), atol=0.02)


@pytest.mark.parametrize("include", [False, True])
@pytest.mark.parametrize("definition", ["any", "jaccard"])
def test_one_film_of_each_unit_equals_all_orders(include, definition):
    """Every order of six films, the first two of different units: the mean overlap, per image."""
    rng = np.random.default_rng(6)
    patients, units = np.array([0, 0, 1, 1, 1, 2, 3]), np.array([0, 1, 2, 2, 3, 4, 5])
    masks = rng.integers(1, 8, (7, 1)).astype(np.uint64)
    result = random_expectation(masks, patients, definition, None, include, units=units, k=2)
    for i in range(7):
        films = [j for j in range(7) if j != i and (include or patients[j] != patients[i])]
        means = []
        for order in permutations(films):
            first = {}
            for j in order:
                first.setdefault(units[j], j)
            taken = list(first.values())[:2]
            means.append(pair_overlap(masks[i][None], masks[taken], definition).mean())
        assert result.mean[i] == pytest.approx(np.mean(means), rel=1e-9)
        assert result.candidates[i] == len(set(units[films]))


def test_histogram_of_many_candidates_is_scipys():
    candidates, overlapping = (
        np.array([5, 112_000, 112_000, 377_110, 9]),
        np.array([5, 0, 112_000, 40_321, 2]),
    )
    expected = sum(hypergeom.pmf(np.arange(6), n, m, 5) for n, m in zip(candidates, overlapping, strict=True))
    np.testing.assert_allclose(random_histogram(candidates, overlapping, 5), expected, rtol=1e-9, atol=1e-15)


def test_histogram_refuses_too_few_candidates():
    with pytest.raises(ValueError, match="at least k=5"):
        random_histogram(np.array([4]), np.array([1]), 5)


def test_full_label_table(shared_data):
    table = pd.read_csv(next((shared_data / "chestxray14-labels").glob("*Data_Entry*")))
    labels = encode_labels(table["Finding Labels"].str.split("|"))
    patients = pd.factorize(table["Patient ID"])[0]
    everyone = np.zeros(len(table), dtype=np.int64)
    of_any_pair = random_expectation(labels.masks, everyone, "any", include_same_patient=True).mean
    assert of_any_pair.mean() == pytest.approx(0.354, abs=5e-4)
    result = random_expectation(labels.masks, patients, "jaccard")
    one_each = random_expectation(labels.masks, patients, "any", units=patients, k=5)
    assert one_each.candidates.max() == patients.max()
    rows = np.random.default_rng(0).choice(len(table), 20, replace=False)
    for row in rows:
        others = np.flatnonzero(patients != patients[row])
        assert result.candidates[row] == len(others)
        brute = pair_overlap(labels.masks[row], labels.masks[others], "jaccard").mean()
        assert result.mean[row] == pytest.approx(brute)


@pytest.mark.parametrize("definition", ["any", "jaccard", "exact"])
def test_only_findable_images_count(definition):
    """Against plain loops: targets outside what may be found, patients with films on both sides."""
    rng = np.random.default_rng(4)
    masks = rng.integers(1, 8, (30, 1)).astype(np.uint64)
    patients, findable = rng.integers(0, 9, 30), rng.random(30) < 0.5
    for same_patient in (False, True):
        chance = random_expectation(masks, patients, definition, None, same_patient, findable)
        for i in range(30):
            others = [
                j
                for j in range(30)
                if findable[j] and j != i and (same_patient or patients[j] != patients[i])
            ]
            shared = pair_overlap(masks[i][None], masks[others], definition)
            assert chance.candidates[i] == len(others)
            assert chance.mean[i] == pytest.approx(shared.mean())
            assert chance.overlapping[i] == (shared > 0).sum()
