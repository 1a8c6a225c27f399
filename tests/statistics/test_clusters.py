from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from cxrneighbors.statistics.clusters import cluster_mean, paired_p_value, sign_flip_test


def test_single_films_give_students_interval_nearly():
    values = np.random.default_rng(3).normal(1, 2, 400)
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert cluster_mean(values, np.arange(400)).interval() == pytest.approx(expected, abs=0.01)


def test_the_patient_is_the_unit():
    per_patient = np.random.default_rng(5).normal(size=50)
    patients = np.repeat(np.arange(50), 9)
    clustered = cluster_mean(per_patient[patients], patients)
    single = cluster_mean(per_patient, np.arange(50))
    # Nine copies of a patient are no more evidence than one.
    assert clustered.interval() == pytest.approx(single.interval())
    named = cluster_mean(per_patient, np.array([f"p{i}" for i in range(50)]))
    assert named.interval() == pytest.approx(single.interval())


def test_unequal_patients_by_hand():
    values, patients = np.array([1.0, 2.0, 6.0, 3.0, 3.0, 3.0]), np.array([0, 0, 0, 1, 2, 2])
    mean = 3.0
    sums = np.array([(1 + 2 + 6) - 3 * mean, 0.0, 0.0]) / (1 - np.array([3, 1, 2]) / 6)
    with_one_patient_off = cluster_mean(values + np.array([0, 0, 3, 0, 0, 0]), patients)
    assert np.isnan(cluster_mean(values, patients).standard_error) and not sums.any()
    off = values + np.array([0, 0, 3, 0, 0, 0])
    sums = np.array([off[:3].sum() - 3 * 3.5, 3 - 3.5, 6 - 2 * 3.5]) / (1 - np.array([3, 1, 2]) / 6)
    assert with_one_patient_off.standard_error == pytest.approx(np.sqrt((sums**2).sum()) / 6)


def test_nothing_can_be_said_of_one_patient_or_no_variation():
    for values, patients in ((np.arange(3.0), np.zeros(3, int)), (np.ones(3), np.arange(3))):
        assert np.isnan(cluster_mean(values, patients).interval()).all()
    assert np.isnan(cluster_mean(np.array([]), np.array([], int)).mean)


def test_sign_flip_agrees_with_scipy():
    difference = np.random.default_rng(7).normal(0.4, 1, 30)
    ours = sign_flip_test(difference, np.arange(30), 20_000, np.random.default_rng(8))
    theirs = stats.permutation_test(
        (difference, np.zeros(30)),
        lambda a, b, axis: (a - b).mean(axis=axis),
        permutation_type="samples",
        n_resamples=20_000,
        vectorized=True,
        rng=np.random.default_rng(9),
    )
    assert ours == pytest.approx(theirs.pvalue, abs=0.01)


def test_sign_flip_equals_all_flips_of_patients_counted():
    rng = np.random.default_rng(0)
    difference = (rng.random(24) < 0.8).astype(float) - (rng.random(24) < 0.5)
    patients = np.array([f"p{number // 3}" for number in range(24)])
    sums = difference.reshape(8, 3).sum(1)
    flipped = [abs(np.dot(signs, sums)) for signs in product((-1, 1), repeat=8)]
    expected = np.mean(np.array(flipped) >= abs(sums.sum()))
    found = sign_flip_test(difference, patients, 20_000, np.random.default_rng(1))
    assert found == expected  # 256 flips: all are counted


def test_sign_flip_edge_cases():
    rng = np.random.default_rng(0)
    assert sign_flip_test(np.zeros(5), np.arange(5), 99, rng) == 1
    assert np.isnan(sign_flip_test(np.array([]), np.array([], int), 99, rng))
    # One patient with many images: flipping him either way is as extreme as what was seen.
    assert sign_flip_test(np.ones(50), np.zeros(50, int), 99, rng) == 1


def test_paired_p_value_is_that_of_the_interval_or_the_flips():
    rng = np.random.default_rng(0)
    difference = np.random.default_rng(2).normal(0.4, 1, 25)
    patients = np.arange(25) // 2
    assert paired_p_value(difference, patients, rng) == cluster_mean(difference, patients).p_value()
    assert paired_p_value(np.zeros(6), np.arange(6), rng) == 1.0
    # The same difference for all of six patients: 2 of the 2^6 sign patterns are as extreme.
    assert paired_p_value(np.ones(6), np.arange(6), rng) == pytest.approx(2 / 2**6, abs=0.01)
    assert np.isnan(paired_p_value(np.array([]), np.array([], int), rng))
