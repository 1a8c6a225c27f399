"""Effect sizes of paired differences. They describe; they test nothing."""

from __future__ import annotations

import numpy as np
from scipy import stats


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


def effect_row(difference: np.ndarray) -> dict[str, float]:
    """Effect sizes of per-target differences."""
    return {"rank_biserial": rank_biserial(difference), "cohens_dz": cohens_dz(difference)}
