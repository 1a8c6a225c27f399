"""LIME's local surrogate: a ridge regression of scores on masks, weighted by closeness to the target.

Ribeiro, Singh and Guestrin (2016), section 3.4, with the kernel, the distance and the penalty of the `lime`
package, whose `LimeBase` gives the same coefficients on the same masks.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from cxrneighbors.explain.selection import Selection

KERNEL_WIDTH = 0.25
ALPHA = 1.0


@dataclass(frozen=True)
class Sample:
    """Masked films and what the classifier says of them.

    `x`: (N, S) features of the surrogate; `source`: int (N,) which film was masked; `y`: (N,) scores;
    `distance`: (N,) to the unmasked target, what the locality kernel takes.
    """

    x: np.ndarray
    source: np.ndarray
    y: np.ndarray
    distance: np.ndarray

    def joined(self, other: Sample) -> Sample:
        """Both samples, this one's rows first."""
        names = [field.name for field in fields(self)]
        return Sample(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in names))


@dataclass(frozen=True)
class Surrogate:
    """f(x) ~ intercept + coefficients . x. `fidelity`: weighted R² on its own masks, at most 1.

    `selected`: int (F,), the features that a `Selection` chose, the coefficients of all others being 0; None
    where nothing was chosen.
    """

    coefficients: np.ndarray
    intercept: float
    fidelity: float
    selected: np.ndarray | None = None

    def flipped(self) -> Surrogate:
        """The same function of 1 - x: from features "masked" to features "kept", and back.

        b + c . (1 - z) = (b + sum c) - c . z. Where x says which segments are masked, the flipped
        coefficients are positive for segments whose presence raises the score.
        """
        total = float(self.intercept + self.coefficients.sum())
        return replace(self, coefficients=-self.coefficients, intercept=total)


def cosine_distance(z: np.ndarray) -> np.ndarray:
    """Cosine distance of masks (N, S) in {0, 1} to the mask that keeps all: float64 (N,) in [0, 1].

    1 - sqrt(share kept); a mask that keeps nothing is at distance 1.

    >>> cosine_distance(np.array([[1, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]]))
    array([0. , 0.5, 1. ])
    """
    return 1.0 - np.sqrt(np.mean(z, axis=1, dtype=np.float64))


def locality(distance: np.ndarray, width: float = KERNEL_WIDTH) -> np.ndarray:
    """The package's kernel sqrt(exp(-d² / width²)): float64 (N,) in (0, 1]."""
    return np.asarray(np.sqrt(np.exp(-(np.asarray(distance, dtype=np.float64) ** 2) / width**2)))


def fit_surrogate(
    x: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    alpha: float = ALPHA,
    selection: Selection | None = None,
) -> Surrogate:
    """Weighted ridge regression with a free intercept, on the features that `selection` chooses.

    `x` (N, S), `y` (N,), `weights` (N,) >= 0, not all 0. Solved in float64. A constant `y` gives coefficients
    0 and fidelity 1.
    """
    x, y, w = (np.asarray(values, dtype=np.float64) for values in (x, y, weights))
    selected = selection.features(x, y, w) if selection is not None and selection.chooses else None
    used = x if selected is None else x[:, selected]
    total = w.sum()
    x_mean, y_mean = w @ used / total, w @ y / total
    centred = used - x_mean
    weighted = centred.T * w
    found = np.linalg.solve(weighted @ centred + alpha * np.eye(used.shape[1]), weighted @ (y - y_mean))
    intercept = float(y_mean - x_mean @ found)
    coefficients = np.zeros(x.shape[1])
    coefficients[slice(None) if selected is None else selected] = found
    return Surrogate(coefficients, intercept, weighted_r2(y, intercept + used @ found, w), selected)


def weighted_r2(y: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    """Weighted coefficient of determination: (N,) each -> at most 1; for a constant `y` 1 if met, else 0."""
    residual = float(weights @ (y - predicted) ** 2)
    spread = float(weights @ (y - weights @ y / weights.sum()) ** 2)
    tiny = 1e-24 * float(weights.sum()) * (1.0 + float(np.abs(y).max()) ** 2)
    if spread <= tiny:
        return 1.0 if residual <= tiny else 0.0
    return 1.0 - residual / spread
