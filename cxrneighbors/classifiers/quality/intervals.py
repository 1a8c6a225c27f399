"""Confidence intervals by bootstrap over patients: images of one patient are no independent evidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cxrneighbors.classifiers.quality.confusion import confusion_matrix, figures
from cxrneighbors.statistics.groups import codes_of


def patient_intervals(
    targets: np.ndarray,
    predictions: np.ndarray,
    patients: Sequence[object],
    n_classes: int,
    *,
    n_bootstrap: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Percentile intervals of `confusion.figures`, patients drawn with replacement.

    `targets`, `predictions`: int (N,); `patients`: N ids. Returns (low, high) for each figure. With one
    patient alone low and high are the figure itself: nothing can be said.
    """
    codes = codes_of(patients)
    n_patients = int(codes.max()) + 1 if len(codes) else 0
    if not n_patients:
        raise ValueError("patient_intervals needs images")
    table = np.zeros((n_patients, n_classes, n_classes))
    np.add.at(table, (codes, np.asarray(targets), np.asarray(predictions)), 1)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n_patients, np.full(n_patients, 1 / n_patients), size=n_bootstrap)
    resampled = (drawn @ table.reshape(n_patients, -1)).reshape(-1, n_classes, n_classes)
    tail = (1 - level) / 2
    bounds = {name: np.quantile(values, [tail, 1 - tail]) for name, values in figures(resampled).items()}
    return {name: (float(low), float(high)) for name, (low, high) in bounds.items()}


def point_figures(targets: np.ndarray, predictions: np.ndarray, n_classes: int) -> dict[str, float]:
    """`confusion.figures` of one set of predictions, as floats."""
    found = figures(confusion_matrix(targets, predictions, n_classes))
    return {name: float(value) for name, value in found.items()}
