"""Localisation: does an explanation point at the lesion?

A lesion is a bool mask (H, W), from a drawn outline or a box. Where it is empty (cut away by a crop) every
measure is NaN.
"""

from __future__ import annotations

import numpy as np


def pointing_game(heat: np.ndarray, lesion: np.ndarray) -> float:
    """Chance that a point put on the map's maximum falls into the lesion: in [0, 1].

    |{p : h(p) = max h} ∩ L| / |{p : h(p) = max h}|: with one maximal pixel 1 or 0 as in Zhang et al. (2018,
    "Top-down neural attention by excitation backprop"), without their tolerance of 15 pixels. Segments give
    whole areas one value; there it is the expectation over where in the area the point is put. 0 where
    nothing supports the target (maximum <= 0).

    >>> pointing_game(np.array([[0.0, 3.0], [1.0, 3.0]]), np.array([[False, True], [False, False]]))
    0.5
    """
    if not lesion.any():
        return float("nan")
    if heat.max() <= 0:
        return 0.0
    return float(lesion[heat == heat.max()].mean())


def energy_inside(heat: np.ndarray, lesion: np.ndarray) -> float:
    """Share of the positive evidence that lies in the lesion: in [0, 1].

    Σ_{p ∈ L} max(h(p), 0) / Σ_p max(h(p), 0): the energy-based pointing game of Wang et al. (2020,
    "Score-CAM"), Quantus' relevance mass accuracy. 0 where there is no positive evidence. A map that says
    nothing (the same value everywhere) scores the lesion's share of the film.
    """
    if not lesion.any():
        return float("nan")
    positive = np.maximum(heat.astype(np.float64), 0)
    total = positive.sum()
    return float(positive[lesion].sum() / total) if total > 0 else 0.0


def top_segments(weights: np.ndarray, top: int) -> np.ndarray:
    """The `top` segments of largest positive weight, largest first, ties in segment order: int64 (<= top,).

    >>> top_segments(np.array([0.1, -2.0, 0.3, 0.0]), top=3)
    array([2, 0])
    """
    order = np.argsort(-weights, kind="stable")
    return order[weights[order] > 0][:top]


def top_iou(weights: np.ndarray, segments: np.ndarray, lesion: np.ndarray, top: int = 3) -> float:
    """Overlap |T ∩ L| / |T ∪ L| of the lesion with T, the `top` segments of largest positive weight.

    0 without a positive weight. It cannot exceed `best_iou`, the segmentation's own limit, and for lesions
    smaller than `top` segments stays well below it.
    """
    if not lesion.any():
        return float("nan")
    shown = np.isin(segments, top_segments(weights, top))
    return float((shown & lesion).sum() / (shown | lesion).sum())


def area_iou(heat: np.ndarray, lesion: np.ndarray) -> float:
    """Overlap |T ∩ L| / |T ∪ L| of the lesion with T, the |L| pixels of largest positive heat: in [0, 1].

    For pixel maps and segment maps alike, and with nothing to choose. Where pixels share the last value that
    fits, T takes each with the same chance, and |T ∩ L| is its expectation. With |T| = |L| it is r / (2 - r)
    of the relevance rank accuracy r = |T ∩ L| / |L| (Arras et al. 2022, "CLEVR-XAI").

    >>> area_iou(np.array([[3.0, 2.0], [2.0, 0.0]]), np.array([[True, True], [False, False]]))
    0.6
    """
    if not lesion.any():
        return float("nan")
    size, positive = int(lesion.sum()), heat > 0
    least = np.sort(heat, axis=None)[-size]
    above, equal = positive & (heat > least), positive & (heat == least)
    room = size - above.sum()
    share = min(1.0, room / equal.sum()) if equal.any() else 0.0
    shown = above.sum() + share * equal.sum()
    shared = (above & lesion).sum() + share * (equal & lesion).sum()
    return float(shared / (size + shown - shared))


def best_iou(segments: np.ndarray, lesion: np.ndarray) -> float:
    """Largest overlap |T ∩ L| / |T ∪ L| that any union T of segments can have.

    The best union holds the segments in falling order of the share of them that lies inside, up to some n:
    with fixed |L| the ratio grows by adding a segment exactly when inside / outside of it exceeds the ratio.
    """
    if not lesion.any():
        return float("nan")
    sizes = np.bincount(segments.ravel()).astype(np.float64)
    inside = np.bincount(segments.ravel(), weights=lesion.ravel().astype(float), minlength=len(sizes))
    order = np.argsort(-inside / np.maximum(sizes, 1), kind="stable")
    shared = np.cumsum(inside[order])
    return float(np.max(shared / (lesion.sum() + np.cumsum(sizes[order]) - shared)))
