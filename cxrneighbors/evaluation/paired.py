"""Per-target differences: Wilcoxon, patient-level bootstrap and sign test, effect sizes."""

from __future__ import annotations

import zlib

import numpy as np
from scipy import stats

from cxrneighbors.evaluation.groups import group_sums

_CHUNK = 4_000_000


def generator(seed: int, *names: str) -> np.random.Generator:
    """A generator for one purpose: the same `seed` and names draw the same, whatever else is computed."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode("utf-8")) for name in names)])


def wilcoxon_greater(difference: np.ndarray) -> tuple[float, float]:
    """One-sided Wilcoxon signed-rank test that differences (T,) lie above 0: (statistic W+, p-value).

    Zeros are dropped; nothing left gives (0.0, 1.0). It treats targets as independent, which images of one
    patient are not: the permutation test carries the conclusion.
    """
    difference = difference[difference != 0]
    if len(difference) == 0:
        return 0.0, 1.0
    result = stats.wilcoxon(difference, alternative="greater")
    return float(result.statistic), float(result.pvalue)


def rank_biserial(difference: np.ndarray) -> float:
    """Matched-pairs rank-biserial correlation (W+ - W-) / (W+ + W-) in [-1, 1]; 0 if all differences are 0.

    >>> round(rank_biserial(np.array([3.0, 1.0, -2.0])), 3)
    0.333
    """
    difference = difference[difference != 0]
    if len(difference) == 0:
        return 0.0
    ranks = stats.rankdata(np.abs(difference))
    return float((ranks * np.sign(difference)).sum() / ranks.sum())


def cohens_dz(difference: np.ndarray) -> float:
    """Cohen's d_z = mean / standard deviation (ddof 1) of paired differences; NaN where that is undefined."""
    if len(difference) < 2 or np.isclose(spread := difference.std(ddof=1), 0):
        return float("nan")
    return float(difference.mean() / spread)


def bootstrap_interval(
    values: np.ndarray, patients: np.ndarray, n_bootstrap: int, rng: np.random.Generator, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of the mean of `values` (T,), resampling whole patients (int (T,)).

    The pool of candidates is taken as given: the interval speaks of other targets, not of another archive.
    NaN, NaN for no values, no resamples or a single patient.
    """
    if len(values) == 0 or n_bootstrap < 1:
        return float("nan"), float("nan")
    codes = np.unique(patients, return_inverse=True)[1].reshape(-1)
    sums, counts = group_sums(codes, values), group_sums(codes, np.ones(len(values)))
    if len(sums) < 2:
        return float("nan"), float("nan")
    means = np.empty(n_bootstrap)
    chunk = max(1, _CHUNK // len(sums))
    for start in range(0, n_bootstrap, chunk):
        size = min(chunk, n_bootstrap - start)
        draw = rng.integers(len(sums), size=(size, len(sums)))
        means[start : start + size] = sums[draw].sum(axis=1) / counts[draw].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def sign_flip_test(
    difference: np.ndarray, patients: np.ndarray, n_permutations: int, rng: np.random.Generator
) -> float:
    """Two-sided p-value that the mean difference (T,) is 0, flipping the sign of whole patients (int (T,)).

    Exact if, without a difference between the methods, a patient's summed difference is symmetric about 0.
    """
    if len(difference) == 0:
        return float("nan")
    codes = np.unique(patients, return_inverse=True)[1].reshape(-1)
    sums = group_sums(codes, difference)
    observed, at_least = abs(sums.sum()), 0
    chunk = max(1, _CHUNK // len(sums))
    for start in range(0, n_permutations, chunk):
        size = min(chunk, n_permutations - start)
        signs = rng.integers(0, 2, size=(size, len(sums)), dtype=np.int8) * 2.0 - 1.0
        at_least += int((np.abs(signs @ sums) >= observed - 1e-9).sum())
    return (1 + at_least) / (1 + n_permutations)
