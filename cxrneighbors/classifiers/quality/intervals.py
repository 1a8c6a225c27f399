"""Confidence intervals with the patient as the unit: images of one patient are no independent evidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cxrneighbors.classifiers.quality.confusion import figures
from cxrneighbors.statistics.clusters import jackknife
from cxrneighbors.statistics.groups import codes_of


def patient_intervals(
    targets: np.ndarray,
    predictions: np.ndarray,
    patients: Sequence[object],
    n_classes: int,
    *,
    level: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Intervals of `confusion.figures`, within [0, 1], by leaving out one patient after the other.

    `targets`, `predictions`: int (N,); `patients`: N ids. Returns (low, high) for each figure. Where nothing
    varies (one patient alone, no mistake at all) low and high are the figure itself: nothing can be said.
    """
    codes = codes_of(patients)
    n_patients = int(codes.max()) + 1 if len(codes) else 0
    if not n_patients:
        raise ValueError("patient_intervals needs images")
    table = np.zeros((n_patients, n_classes, n_classes))
    np.add.at(table, (codes, np.asarray(targets), np.asarray(predictions)), 1)
    whole, sizes = figures(table.sum(axis=0)), table.sum(axis=(1, 2))
    left_out = figures(table.sum(axis=0) - table)
    bounds = {}
    for name, value in whole.items():
        low, high = jackknife(float(value), left_out[name], sizes).interval(level)
        known = np.isfinite([low, high]).all()
        bounds[name] = (max(0.0, low), min(1.0, high)) if known else (float(value), float(value))
    return bounds
