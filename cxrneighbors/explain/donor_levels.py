"""Scores as Contrast-LIME compares them: log odds, less what the films of a donor have in common."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cxrneighbors.explain.sampling import in_turn
from cxrneighbors.explain.surrogate import Sample

LEAST_SCORE = 1e-3  # of a score and of its complement, so that log odds are finite


def linked(scores: np.ndarray, link: str) -> np.ndarray:
    """Log odds of scores (N,), by link 'logit' where all are in [0, 1]; else the scores: float64 (N,)."""
    if link == "identity" or scores.min() < 0 or scores.max() > 1:
        return np.asarray(scores, dtype=np.float64)
    cut = np.clip(scores, LEAST_SCORE, 1 - LEAST_SCORE)
    return np.asarray(np.log(cut) - np.log1p(-cut))


def within_donors(sample: Sample, n_donors: int, first: int = 0) -> Sample:
    """Features and scores less what the films of a donor have in common, plus what all films have.

    A linear fit then leaves each donor an intercept of its own. Donors are shown in turn from row `first` on;
    the rows before, the unmasked target, show none and stay as they are. `n_donors` 0: nothing is done.
    """
    if not n_donors:
        return sample
    x, y = sample.x.astype(np.float64), sample.y.copy()
    shown = np.concatenate([np.zeros(first, np.int64), in_turn(len(y) - first, n_donors + 1)])
    x_all, y_all = x[first:].mean(axis=0), y[first:].mean()
    for donor in range(1, n_donors + 1):
        rows = shown == donor
        if rows.any():
            x[rows] += x_all - x[rows].mean(axis=0)
            y[rows] += y_all - y[rows].mean()
    return replace(sample, x=x, y=y)
