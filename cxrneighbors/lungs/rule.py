"""A lung finder without training: the dark areas of a frontal film where lungs usually lie.

The film is shrunk to 128 x 128, its contrast stretched over the body and smoothed. On each side of the
midline the lung is the dark component (darker than Otsu's threshold of the central field) that fills the
side's usual place best; darkness that reaches the border is air outside the body. Holes and bays, which
ribs, vessels and small opacities leave, are closed with a disc. It means nothing on a lateral film.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from cxrneighbors.lungs.masks import SIDES, USUAL, completed, ellipse

_SIZE = 128
_AREA = (0.04, 0.24)  # of a component that may be a lung: share of the film
_OVERLAP = 0.35  # its least Dice overlap with the usual place
_SURE = 0.55  # overlap at which no other candidate is sought


def find_lungs(picture: np.ndarray) -> np.ndarray:
    """Right and left lung (the patient's) of a frontal film float (H, W) in [0, 1]: bool (2, H, W).

    A side where nothing is found (too small, too large or far from its usual place: dense opacity, effusion,
    rotation) takes the mirror image of the other, or is where lungs usually lie (`masks.completed`).
    """
    return completed(*dark_lungs(picture))


def dark_lungs(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lungs that can be seen, bool (2, H, W), and on which sides there are any, bool (2,)."""
    small = _prepared(picture)
    found = [_lung(small, side) for side in SIDES]
    empty = np.zeros((_SIZE, _SIZE), dtype=bool)
    lungs = [_resized(empty if lung is None else lung, picture.shape) > 0.5 for lung in found]
    return np.stack(lungs), np.array([lung is not None for lung in found])


def _prepared(picture: np.ndarray) -> np.ndarray:
    """128 x 128, contrast stretched between the body's 1st and 99th percentile, smoothed."""
    small = _resized(picture, (_SIZE, _SIZE), anti_aliasing=True)
    field = small[small > 0.02] if (small > 0.02).mean() > 0.2 else small
    low, high = np.percentile(field, [1, 99])
    stretched = np.clip((small - low) / max(high - low, 1e-6), 0, 1)
    return np.asarray(ndimage.gaussian_filter(stretched, 1.5))


def _lung(small: np.ndarray, side: str) -> np.ndarray | None:
    """The side's lung bool (128, 128), or None where nothing believable is dark."""
    from skimage.filters import threshold_otsu

    central = small[int(0.1 * _SIZE) : int(0.85 * _SIZE), int(0.12 * _SIZE) : int(0.88 * _SIZE)]
    if central.max() - central.min() < 0.05:
        return None
    half = (np.arange(_SIZE) < _SIZE / 2) == (side == "right")
    otsu = threshold_otsu(central)  # type: ignore[no-untyped-call]
    x, y, a, b = USUAL[side]
    place = half & ellipse(small.shape, x, y, 1.45 * a, 1.35 * b)  # so that outer air and the bowel stay out
    thresholds = (otsu, 0.9 * otsu, 0.8 * otsu, 1.1 * otsu)
    lung, overlap = _best_component(small, place & ~_outer_air(small, 0.5 * otsu), thresholds, side)
    if overlap < _SURE:
        # A lung can be as dark as the air outside and touch it, so that it went with it.
        other, other_overlap = _best_component(small, place, thresholds, side)
        lung = other if other_overlap > overlap else lung
    return lung


def _best_component(
    small: np.ndarray, inside: np.ndarray, thresholds: tuple[float, ...], side: str
) -> tuple[np.ndarray | None, float]:
    """The dark component that fits the side's usual place best, and its Dice overlap; else None, 0."""
    usual = ellipse(small.shape, *USUAL[side])
    best, best_overlap = None, 0.0
    for threshold in thresholds:
        labels, count = ndimage.label(ndimage.binary_opening((small < threshold) & inside, iterations=4))
        for number in range(1, count + 1):
            lung = _closed(labels == number)
            overlap = 2 * (lung & usual).sum() / (lung.sum() + usual.sum())
            if _AREA[0] <= lung.mean() <= _AREA[1] and overlap > max(best_overlap, _OVERLAP):
                best, best_overlap = lung, float(overlap)
    return best, best_overlap


def _outer_air(small: np.ndarray, threshold: float) -> np.ndarray:
    """Darkness that reaches the left, right or upper border, and a margin: bool (128, 128)."""
    dark = small < threshold
    border = np.pad(np.zeros((_SIZE - 1, _SIZE - 2), dtype=bool), ((1, 0), (1, 1)), constant_values=True)
    outside = ndimage.binary_propagation(border & dark, mask=dark)
    return np.asarray(ndimage.binary_dilation(outside, iterations=4))


def _closed(lung: np.ndarray) -> np.ndarray:
    """Fill holes and bays: the component united with its closing by a disc of 9 pixels."""
    disc = np.hypot(*np.mgrid[-9:10, -9:10]) <= 9
    closed = ndimage.binary_closing(np.pad(lung, 12), disc)[12:-12, 12:-12]
    return np.asarray(ndimage.binary_fill_holes(closed | lung))


def _resized(picture: np.ndarray, shape: tuple[int, ...], anti_aliasing: bool | None = None) -> np.ndarray:
    from skimage.transform import resize

    given = picture.astype(np.float64)
    return np.asarray(resize(given, shape, order=1, anti_aliasing=anti_aliasing))  # type: ignore[no-untyped-call]
