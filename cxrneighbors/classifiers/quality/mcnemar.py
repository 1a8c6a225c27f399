"""Which of two classifiers is right more often on the same images (McNemar 1947)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from cxrneighbors.statistics.clusters import sign_flip_test
from cxrneighbors.statistics.groups import codes_of
from cxrneighbors.statistics.holm import holm
from cxrneighbors.statistics.seeds import generator

N_FLIPS = 9999


def mcnemar(correct_a: np.ndarray, correct_b: np.ndarray) -> dict[str, Any]:
    """Exact two-sided McNemar test.

    `correct_a`, `correct_b`: bool (N,), whether each classifier is right. Returns `only_a` and `only_b`, the
    images that only one of them gets right, and `p_value`: the binomial chance of a split at least as uneven.
    Without any such image it is 1. Images are taken as independent, which those of one
    patient are not: `compare_models` gives the answer with the patient as the unit beside it.

    >>> mcnemar(np.array([1, 1, 1, 1, 1, 0], dtype=bool), np.array([0, 0, 0, 0, 0, 0], dtype=bool))
    {'only_a': 5, 'only_b': 0, 'p_value': 0.0625}
    """
    from scipy.stats import binomtest

    a, b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    p = float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return {"only_a": only_a, "only_b": only_b, "p_value": p}


def compare_models(
    correct: Mapping[str, np.ndarray], patients: Sequence[object], seed: int = 0
) -> list[dict[str, Any]]:
    """Every pair of classifiers: `a`, `b`, what `mcnemar` says, `p_value_patients`, and both Holm-adjusted.

    `correct`: name: bool (N,) on the same N images. `p_value_patients`: McNemar's question with the patient
    as the unit, the two classifiers swapped for all images of a patient at once (`sign_flip_test`).
    """
    rows: list[dict[str, Any]] = []
    codes = codes_of(patients)
    for a, b in combinations(correct, 2):
        difference = np.asarray(correct[a], dtype=np.float64) - np.asarray(correct[b], dtype=np.float64)
        by_patient = sign_flip_test(difference, codes, N_FLIPS, generator(seed, "mcnemar", a, b))
        rows.append({"a": a, "b": b, **mcnemar(correct[a], correct[b]), "p_value_patients": by_patient})
    for key in ("p_value", "p_value_patients"):
        for row, adjusted in zip(rows, holm([row[key] for row in rows]), strict=True):
            row[f"{key}_adjusted"] = float(adjusted)
    return rows
