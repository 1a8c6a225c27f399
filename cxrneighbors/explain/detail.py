"""Where in a segment the film differs from its donors."""

from __future__ import annotations

import numpy as np


def detail_map(weights: np.ndarray, segments: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Weights (S,) laid out over pixels, each segment's mean its weight: (S,), (H, W) -> float32 (H, W).

    In proportion to |target - median of the donors|, channels averaged, smoothed by a Gaussian of 1/64 of the
    longer side. `sources`: float32 (K + 1, C, H, W), the target first. A segment in which nothing differs has
    its weight everywhere.
    """
    difference = difference_to(sources)
    mean = np.bincount(segments.ravel(), difference.ravel()) / np.bincount(segments.ravel())
    return np.asarray(weights[segments] * difference / mean[segments], dtype=np.float32)


def difference_to(sources: np.ndarray) -> np.ndarray:
    """How far each pixel of the first film (C, H, W) is from the others' median: float64 (H, W), above 0.

    Channels averaged, smoothed by a Gaussian of 1/64 of the longer side.
    """
    from scipy.ndimage import gaussian_filter

    difference = np.abs(sources[0] - np.median(sources[1:], axis=0)).mean(axis=0).astype(np.float64)
    return np.asarray(gaussian_filter(difference, max(difference.shape) / 64) + 1e-9)
