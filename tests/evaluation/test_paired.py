from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cxrneighbors.evaluation.paired import (
    bootstrap_interval,
    cohens_dz,
    generator,
    rank_biserial,
    sign_flip_test,
    wilcoxon_greater,
)


def test_wilcoxon_is_one_sided_and_drops_zeros():
    rng = np.random.default_rng(0)
    difference = rng.normal(0.2, 1, 60)
    expected = stats.wilcoxon(difference, alternative="greater")
    assert wilcoxon_greater(np.r_[difference, 0, 0]) == pytest.approx(
        (expected.statistic, expected.pvalue), rel=0.05
    )
    assert wilcoxon_greater(-difference)[1] > 0.5
    assert wilcoxon_greater(np.zeros(4)) == (0.0, 1.0)


def test_rank_biserial_from_scipy_rank_sums():
    difference = np.random.default_rng(1).normal(0.3, 1, 50)
    plus = stats.wilcoxon(difference, alternative="greater").statistic
    minus = stats.wilcoxon(-difference, alternative="greater").statistic
    assert rank_biserial(difference) == pytest.approx((plus - minus) / (plus + minus))
    assert rank_biserial(np.zeros(3)) == 0 and rank_biserial(np.ones(3)) == 1


def test_cohens_dz_is_t_over_root_n():
    difference = np.random.default_rng(2).normal(0.5, 2, 40)
    assert cohens_dz(difference) == pytest.approx(stats.ttest_1samp(difference, 0).statistic / np.sqrt(40))
    assert np.isnan(cohens_dz(np.ones(5))) and np.isnan(cohens_dz(np.ones(1)))


def test_bootstrap_agrees_with_theory_when_patients_have_one_image():
    values = np.random.default_rng(3).normal(1, 2, 400)
    low, high = bootstrap_interval(values, np.arange(400), 4000, np.random.default_rng(4))
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.02)
    assert high == pytest.approx(values.mean() + half, abs=0.02)


def test_bootstrap_resamples_patients_not_images():
    per_patient = np.random.default_rng(5).normal(size=50)
    patients = np.repeat(np.arange(50), 9)
    clustered = bootstrap_interval(per_patient[patients], patients, 2000, np.random.default_rng(6))
    single = bootstrap_interval(per_patient, np.arange(50), 2000, np.random.default_rng(6))
    assert clustered == pytest.approx(single)  # nine copies of a patient are no more evidence than one


def test_bootstrap_without_variation_is_undefined():
    rng = np.random.default_rng(0)
    assert np.isnan(bootstrap_interval(np.ones(3), np.zeros(3, int), 100, rng)).all()
    assert np.isnan(bootstrap_interval(np.array([]), np.array([], int), 100, rng)).all()


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


def test_sign_flip_edge_cases():
    rng = np.random.default_rng(0)
    assert sign_flip_test(np.zeros(5), np.arange(5), 99, rng) == 1
    assert np.isnan(sign_flip_test(np.array([]), np.array([], int), 99, rng))
    # One patient with many images: flipping him either way is as extreme as what was seen.
    assert sign_flip_test(np.ones(50), np.zeros(50, int), 99, rng) == 1


def test_generators_depend_on_seed_and_purpose_only():
    assert generator(1, "a").random() == generator(1, "a").random()
    assert len({generator(1, "a").random(), generator(1, "b").random(), generator(2, "a").random()}) == 3
