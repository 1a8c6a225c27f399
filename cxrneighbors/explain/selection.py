"""Which segments the surrogate is fitted on: LIME's selection of features.

Ribeiro, Singh and Guestrin (2016), section 3.4, choose the K features of an explanation before its weights
are fitted (there by K-LASSO); the `lime` package offers four ways, and these are the same.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from cxrneighbors.errors import UserError, choose

SELECTIONS = ("auto", "none", "forward_selection", "highest_weights", "lasso_path")
FORWARD_UP_TO = 6  # features, with 'auto'


@dataclass(frozen=True)
class Selection:
    """At most `num_features` segments have a weight; the others weigh exactly 0.

    `num_features`: None for all, which nothing is chosen from. `method`: as `feature_selection` of the `lime`
    package:

    - 'forward_selection': one segment after the other, each the one that raises weighted R² most;
    - 'highest_weights': the largest absolute weights of a ridge regression (penalty 0.01) on all;
    - 'lasso_path': the last point of the lasso's path that has no more segments than asked for;
    - 'none': all, whatever `num_features` says;
    - 'auto': 'forward_selection' up to 6 segments, 'highest_weights' above.
    """

    num_features: int | None = None
    method: str = "auto"

    def __post_init__(self) -> None:
        choose("feature selection", self.method, SELECTIONS)
        if self.num_features is not None and self.num_features < 1:
            raise UserError(f"num_features {self.num_features}: a surrogate needs at least one segment")

    @property
    def chooses(self) -> bool:
        """Whether segments may be left out."""
        return self.num_features is not None and self.method != "none"

    def features(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Columns chosen of x (N, S) for y (N,) under weights (N,) >= 0: int64 (F,), ascending.

        Row 0 is the unmasked target, as in the package. Where it is all 0 (features are 1 where a segment is
        masked) the same is chosen as on 1 - x: the two surrogates are one function.
        """
        if not self.chooses:
            return np.arange(x.shape[1])
        assert self.num_features is not None
        kept = np.asarray(x if np.any(x[0]) else 1 - x, dtype=np.float64)
        method = self.method
        if method == "auto":
            method = "forward_selection" if self.num_features <= FORWARD_UP_TO else "highest_weights"
        if method == "forward_selection":
            return np.sort(_forward(kept, y, weights, min(self.num_features, x.shape[1])))
        from lime.lime_base import LimeBase

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # segments whose masks coincide have no path of their own
            base = LimeBase(kernel_fn=None, random_state=0)
            found = base.feature_selection(kept, y, weights, self.num_features, method)
        return np.sort(np.asarray(found, dtype=np.int64))


def _forward(x: np.ndarray, y: np.ndarray, weights: np.ndarray, n: int) -> np.ndarray:
    """The package's forward selection, in the order of choice: int64 (n,).

    It fits every subset anew, N rows each. The gain in R² of one more feature is known from the matrix of
    weighted products with all chosen ones swept out of it: some thousand times as fast, so that a bootstrap
    can choose anew in each refit.
    """
    centred = x - weights @ x / weights.sum()
    gram = (centred.T * weights) @ centred
    toward = (centred.T * weights) @ (y - weights @ y / weights.sum())
    least = 1e-9 * np.maximum(np.diag(gram), 1e-300)
    chosen: list[int] = []
    for _ in range(n):
        own = np.diag(gram)
        gain = np.where(own > least, toward**2 / np.maximum(own, 1e-300), 0.0)
        gain[chosen] = -1
        best = int(np.argmax(gain))
        chosen.append(best)
        if own[best] > least[best]:
            toward = toward - gram[best] * (toward[best] / own[best])
            gram = gram - np.outer(gram[best], gram[best]) / own[best]
    return np.array(chosen, dtype=np.int64)
