"""All figures of one single-label classifier on one set of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cxrneighbors.classifiers.quality.calibration import N_BINS, reliability
from cxrneighbors.classifiers.quality.confusion import class_figures, confusion_matrix, figures
from cxrneighbors.classifiers.quality.intervals import patient_intervals
from cxrneighbors.files import plain
from cxrneighbors.statistics.groups import codes_of


def assess(
    probabilities: np.ndarray,
    targets: np.ndarray,
    patients: Sequence[object],
    labels: Sequence[str],
    *,
    n_bins: int = N_BINS,
) -> dict[str, Any]:
    """Table II's figures with what the paper leaves out, as JSON.

    `probabilities` float (N, C), `targets` int (N,) in 0..C-1, `patients` N ids, `labels` C names. Returns
    `n`, `patients`, `accuracy`, macro `precision`, `recall`, `f1` and `<figure>_ci95` (patients as units),
    `majority`: accuracy of always naming the commonest class, `classes`: label: precision, recall, f1, n;
    `confusion` (C, C), rows true; `ece`, `overconfidence` and `reliability` (see `calibration`).
    """
    probabilities, targets = np.asarray(probabilities, dtype=np.float64), np.asarray(targets)
    if probabilities.shape != (len(targets), len(labels)):
        raise ValueError(
            f"probabilities must be ({len(targets)}, {len(labels)}), one row per target and one column per "
            f"label, got {probabilities.shape}"
        )
    predictions = probabilities.argmax(1)
    matrix = confusion_matrix(targets, predictions, len(labels))
    bounds = patient_intervals(targets, predictions, patients, len(labels))
    result: dict[str, Any] = {"n": len(targets), "patients": int(codes_of(patients).max()) + 1}
    for name, value in figures(matrix).items():
        result |= {name: float(value), f"{name}_ci95": list(bounds[name])}
    by_class = class_figures(matrix)
    result["majority"] = float(matrix.sum(1).max() / matrix.sum())
    result["classes"] = {
        label: {**{name: float(values[i]) for name, values in by_class.items()}, "n": int(matrix[i].sum())}
        for i, label in enumerate(labels)
    }
    found = reliability(probabilities, targets, n_bins)
    calibration = {
        "ece": found.ece,
        "overconfidence": found.overconfidence,
        "reliability": plain(vars(found)),
    }
    return {**result, "confusion": matrix.tolist(), **calibration}
