"""Holm's correction for several tests (Holm 1979)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: np.ndarray | Sequence[float | None]) -> np.ndarray:
    """Holm's step-down adjusted p-values: float64, same shape; NaN or None is no test: NaN.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p_values.shape, np.nan)
    tests = np.flatnonzero(~np.isnan(p_values))
    order = tests[np.argsort(p_values[tests], kind="stable")]
    steps = p_values[order] * (len(order) - np.arange(len(order)))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
