"""Whether a classifier that says 80 % is right in 80 % of such cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

N_BINS = 15


@dataclass(frozen=True)
class Reliability:
    """Equal-width bins of confidence: `counts` int64 (B,), `confidence` and `accuracy` float64 (B,), their
    means within a bin (NaN in empty ones), `edges` float64 (B + 1,).
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def ece(self) -> float:
        """Expected calibration error: mean |accuracy - confidence| over bins, weighted by images."""
        return self._mean(np.abs(self.accuracy - self.confidence))

    @property
    def overconfidence(self) -> float:
        """Mean confidence minus accuracy over all images; positive where the classifier claims too much."""
        return self._mean(self.confidence - self.accuracy)

    def _mean(self, gaps: np.ndarray) -> float:
        filled = self.counts > 0
        return float((gaps * self.counts)[filled].sum() / max(1, self.counts.sum()))


def reliability(probabilities: np.ndarray, targets: np.ndarray, n_bins: int = N_BINS) -> Reliability:
    """Bin images by the probability of their predicted class (Guo et al. 2017).

    `probabilities` float (N, C), `targets` int (N,). Bin i holds confidences in (i/B, (i + 1)/B]; 0 falls
    into the first.
    """
    top = np.asarray(probabilities, dtype=np.float64)
    confidence, correct = top.max(1), top.argmax(1) == np.asarray(targets)
    edges = np.linspace(0, 1, n_bins + 1)
    bins = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, n_bins - 1)
    counts = np.bincount(bins, minlength=n_bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            edges,
            counts,
            np.bincount(bins, weights=confidence, minlength=n_bins) / counts,
            np.bincount(bins, weights=correct, minlength=n_bins) / counts,
        )
