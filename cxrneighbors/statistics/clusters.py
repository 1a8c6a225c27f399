"""Means over images of independent patients: where targets are not each other's neighbours.

The benchmark of explanations and the figures of classifiers are such means. For means over target-neighbour
pairs see `dyadic`.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import permutation_test

from cxrneighbors.statistics.estimate import Estimate, effective_number
from cxrneighbors.statistics.groups import codes_of, group_sums

N_FLIPS = 9999
_CHUNK = 4_000_000


def jackknife(value: float, left_out: np.ndarray, sizes: np.ndarray) -> Estimate:
    """Any figure with a standard error from leaving out one patient after the other.

    value: of all images; left_out: float (P,), without each patient; sizes: (P,), the patients' images. The
    squared differences add up to the variance (CV3 of MacKinnon, Nielsen & Webb 2023, without its factor
    (P - 1) / P), Student's t takes the effective number of patients (see `dyadic`). NaN where one patient is
    all there is, or nothing varies.
    """
    influence = value - left_out
    if len(influence) < 2 or not np.abs(influence).max() > 1e-12:
        return Estimate(value, float("nan"), float("nan"))
    error = float(np.sqrt((influence**2).sum()))
    return Estimate(value, error, effective_number(sizes**2, sizes, influence))


def cluster_mean(values: np.ndarray, patients: np.ndarray) -> Estimate:
    """Mean of `values` (n,) with a standard error that takes whole patients (int (n,)) as independent.

    NaN for no values; otherwise see `jackknife`.

    >>> cluster_mean(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0, 1, 2, 3])).mean
    1.5
    """
    if len(values) == 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    codes = codes_of(patients)
    sizes = group_sums(codes, np.ones(len(values)))
    left = np.maximum(len(values) - sizes, 1)
    mean = float(values.mean())
    return jackknife(mean, mean - group_sums(codes, values - mean) / left, sizes)


def sign_flip_test(
    difference: np.ndarray, patients: np.ndarray, n_permutations: int, rng: np.random.Generator
) -> float:
    """Two-sided p-value that the mean difference (n,) is 0, flipping the sign of whole patients (int (n,)).

    All flips are counted where there are at most `n_permutations`, otherwise so many are drawn. Exact if,
    without a difference between the methods, a patient's summed difference is symmetric about 0; for methods
    compared on targets that are not each other's neighbours. NaN without values.
    """
    if len(difference) == 0:
        return float("nan")
    sums = group_sums(codes_of(patients), difference)
    sums = sums[sums != 0]  # the others change under no flip
    if len(sums) < 2:
        return 1.0
    test = permutation_test(
        (sums,),
        lambda values, axis: np.abs(values.sum(axis=axis)).round(9),
        permutation_type="samples",
        vectorized=True,
        n_resamples=n_permutations,
        batch=max(1, _CHUNK // len(sums)),
        alternative="greater",
        rng=rng,
    )
    return float(test.pvalue)


def paired_p_value(difference: np.ndarray, patients: np.ndarray, rng: np.random.Generator) -> float:
    """Two-sided p-value that the mean difference (n,) is 0: Student's t from `cluster_mean`'s interval.

    Differences of skewed measures make the sign flip reject too often when patients are few (up to 8 % at
    5 %, `eval/calibration_clusters.py`); this test does not. Where differences do not vary there is no t:
    the sign flip answers, 1 for no difference at all. NaN without values.
    """
    p_value = cluster_mean(difference, patients).p_value()
    return sign_flip_test(difference, patients, N_FLIPS, rng) if np.isnan(p_value) else p_value
