"""Which of two classifiers is right more often on the same images (McNemar 1947)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from cxrneighbors.classifiers.quality.intervals import patient_codes


def mcnemar(correct_a: np.ndarray, correct_b: np.ndarray) -> dict[str, Any]:
    """Exact two-sided McNemar test.

    `correct_a`, `correct_b`: bool (N,), whether each classifier is right. Returns `only_a` and `only_b`, the
    images that only one of them gets right, and `p_value`: the binomial chance of a split at least as uneven.
    Without any such image it is 1. Images are taken as independent; see `patient_sign_test`.

    >>> mcnemar(np.array([1, 1, 1, 1, 1, 0], dtype=bool), np.array([0, 0, 0, 0, 0, 0], dtype=bool))
    {'only_a': 5, 'only_b': 0, 'p_value': 0.0625}
    """
    from scipy.stats import binomtest

    a, b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    p = float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return {"only_a": only_a, "only_b": only_b, "p_value": p}


def patient_sign_test(
    correct_a: np.ndarray,
    correct_b: np.ndarray,
    patients: Sequence[object],
    n_permutations: int = 9999,
    seed: int = 0,
) -> float:
    """McNemar's question with the patient as the unit: two-sided permutation p value.

    The two classifiers are swapped for all images of a patient at once, at random; the statistic is the
    difference of right answers. The observed arrangement counts as one of them.
    """
    codes = patient_codes(patients)
    difference = np.asarray(correct_a, dtype=np.int64) - np.asarray(correct_b, dtype=np.int64)
    sums = np.bincount(codes, weights=difference)
    sums = sums[sums != 0]  # the others do not change under any swap
    observed = abs(sums.sum())
    rng = np.random.default_rng(seed)
    flips = rng.integers(0, 2, (n_permutations, len(sums)), dtype=np.int8) * 2 - 1
    return float((1 + (np.abs(flips @ sums) >= observed - 1e-9).sum()) / (1 + n_permutations))


def compare_models(
    correct: Mapping[str, np.ndarray], patients: Sequence[object], seed: int = 0
) -> list[dict[str, Any]]:
    """Every pair of classifiers: `a`, `b`, what `mcnemar` says, `p_value_patients`, and both Holm-adjusted.

    `correct`: name: bool (N,) on the same N images.
    """
    rows: list[dict[str, Any]] = []
    for a, b in combinations(correct, 2):
        by_patient = patient_sign_test(correct[a], correct[b], patients, seed=seed)
        rows.append({"a": a, "b": b, **mcnemar(correct[a], correct[b]), "p_value_patients": by_patient})
    for key in ("p_value", "p_value_patients"):
        for row, adjusted in zip(rows, holm([row[key] for row in rows]), strict=True):
            row[f"{key}_adjusted"] = adjusted
    return rows


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment, in the given order.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    adjusted, running = [0.0] * len(p_values), 0.0
    for rank, position in enumerate(order):
        running = max(running, (len(p_values) - rank) * p_values[position])
        adjusted[position] = float(min(1.0, running))
    return adjusted
