"""A mean with its standard error: what every interval and every test of a difference is read from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Estimate:
    """A mean, its standard error and the degrees of freedom of that error (effective number of patients).

    standard_error is NaN where nothing can be said: a single patient, or no variation at all.

    >>> [round(bound, 2) for bound in Estimate(0.5, 0.1, 10.0).interval()]
    [0.28, 0.72]
    """

    mean: float
    standard_error: float
    dof: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Two-sided interval by Student's t; NaN, NaN where the standard error is not known."""
        half = float(stats.t.ppf((1 + level) / 2, self.dof)) * self.standard_error
        return self.mean - half, self.mean + half

    def p_value(self, null: float = 0.0) -> float:
        """Two-sided p-value of `mean == null`: below 1 - level just when `interval(level)` leaves it out."""
        if np.isnan(self.standard_error):
            return float("nan")
        return float(2 * stats.t.sf(abs(self.mean - null) / self.standard_error, self.dof))


NORMAL_KURTOSIS = 3.0


def effective_number(
    alike: np.ndarray, apart: np.ndarray, influence: np.ndarray, kurtosis: float = 1.0
) -> float:
    """How many equal patients would carry the same information: float, at least 1.

    alike, apart: (P,) variances expected of the patients' contributions, up to a factor, if the films of a
    patient say all the same, and if they say different things; influence: (P,) the actual contributions.
    The number is (sum g)^2 / sum g^2 for variances g (Satterthwaite 1946). Films are taken to be half alike;
    what that expects knows nothing of the data, what squared contributions say is noisy, so the harmonic
    mean of both numbers is taken. kurtosis: fourth powers are divided by it: `NORMAL_KURTOSIS` where the
    contributions are about normal; 1 is cautious, for skewed ones.

    >>> effective_number(np.ones(8), np.ones(8), np.array([1, -1, 1, -1, 1, -1, 1, -1]))
    8.0
    """
    expected = ((alike / alike.sum() + apart / apart.sum()) ** 2).sum() / 4
    observed = (influence**4).sum() / kurtosis / (influence**2).sum() ** 2
    return float(max(1.0, 2.0 / (expected + observed)))
