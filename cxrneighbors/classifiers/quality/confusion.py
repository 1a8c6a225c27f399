"""The confusion matrix, and the figures of Table II of LIME-RAY that follow from it."""

from __future__ import annotations

import numpy as np


def confusion_matrix(targets: np.ndarray, predictions: np.ndarray, n_classes: int) -> np.ndarray:
    """Counts int64 (C, C): rows are true classes, columns predicted ones. Inputs int (N,) in 0..C-1."""
    pairs = np.asarray(targets) * n_classes + np.asarray(predictions)
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)


def figures(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Accuracy and macro-averaged precision, recall and F1 of confusion matrices (..., C, C): float64 (...).

    Macro: the mean over classes, each weighing the same. A class that neither occurs nor is predicted is left
    out of the mean; 0 / 0 otherwise counts 0 (a class that is never predicted has precision 0). Without
    images all are NaN.

    >>> {name: round(float(value), 3) for name, value in figures(np.array([[3, 1], [0, 4]])).items()}
    {'accuracy': 0.875, 'precision': 0.9, 'recall': 0.875, 'f1': 0.873}
    """
    counts = np.asarray(confusion, dtype=np.float64)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    counted = (counts.sum(-1) + counts.sum(-2)) > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        macro = {
            name: (share * counted).sum(-1) / counted.sum(-1) for name, share in class_figures(counts).items()
        }
        return {"accuracy": hits.sum(-1) / counts.sum((-2, -1)), **macro}


def class_figures(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Precision, recall and F1 of each class of matrices (..., C, C): float64 (..., C); 0 / 0 counts 0."""
    counts = np.asarray(confusion, dtype=np.float64)
    hits, true, predicted = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(-1), counts.sum(-2)
    return {
        "precision": hits / np.maximum(predicted, 1),
        "recall": hits / np.maximum(true, 1),
        "f1": 2 * hits / np.maximum(true + predicted, 1),
    }
