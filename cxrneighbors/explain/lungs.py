"""A simple lung finder for frontal chest films, and anatomical regions made from what it finds.

No training is involved. The film is shrunk to 128 x 128, its contrast stretched over the body and smoothed.
On each side of the midline the lung is the dark component (darker than Otsu's threshold of the central
field) that fills the side's usual place best; darkness that reaches the border is air outside the body. Holes
and bays, which ribs, vessels and small opacities leave, are closed with a disc. A side without a believable
lung (too small, too large, or far from its usual place: dense opacity, effusion, rotation) takes the mirror
image of the other side, or an ellipse where lungs usually lie. Regions are places to mask, not a measurement,
and mean nothing on a lateral film.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

REGIONS = (
    "outside",
    "right upper lung",
    "right middle lung",
    "right lower lung",
    "left upper lung",
    "left middle lung",
    "left lower lung",
    "mediastinum",
    "heart",
)
_SIZE = 128
# Usual lungs as ellipses in fractions of the film: centre x, centre y, half width, half height. The patient's
# right lung is on the film's left.
_USUAL = {"right": (0.29, 0.46, 0.16, 0.31), "left": (0.71, 0.46, 0.16, 0.31)}
_AREA = (0.04, 0.24)  # believable lung: share of the film
_OVERLAP = 0.35  # least Dice overlap of a believable lung with the usual place
_SURE = 0.55  # overlap at which no other candidate is sought
_HEART_SHARE = 0.45  # the heart is the lower part of the space between the lungs


def find_lungs(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Right and left lung (the patient's) of a frontal film float (H, W) in [0, 1]: bool (H, W) each.

    Either may be a guess from the other side or from where lungs usually lie (see the module's text).
    """
    small = _prepared(picture)
    right, left = _lung(small, "right"), _lung(small, "left")
    if right is None:
        right = _ellipse("right") if left is None else left[:, ::-1]
    if left is None:
        left = right[:, ::-1]
    middle, columns = _midline(right, left), np.arange(_SIZE)
    right, left = right & (columns < middle), left & (columns > middle)
    return _enlarged(right, picture.shape), _enlarged(left, picture.shape)


def lung_regions(picture: np.ndarray) -> np.ndarray:
    """Regions of a frontal film float (H, W) in [0, 1]: int32 (H, W), positions in `REGIONS`.

    Each lung is cut into thirds of its height. Between the lungs' inner edges, over their common height, lies
    the mediastinum; the lower 45 % of it, down to where 95 % of the lungs' area is passed, is the heart. The
    rest is 'outside'.
    """
    right, left = find_lungs(picture)
    regions = np.zeros(picture.shape, dtype=np.int32)
    regions[_between(right, left)] = REGIONS.index("mediastinum")
    top, _ = _span(right | left)
    bottom = _low_row(right | left)
    heart_from = bottom - round(_HEART_SHARE * (bottom - top))
    rows = np.arange(picture.shape[0])[:, None]
    regions[(regions > 0) & (rows >= heart_from)] = REGIONS.index("heart")
    regions[rows[:, 0] >= bottom] = 0
    for first, lung in ((1, right), (4, left)):
        start, stop = _span(lung)
        third = np.clip((rows - start) * 3 // max(stop - start, 1), 0, 2)
        regions = np.where(lung, first + third, regions)
    return regions.astype(np.int32)


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
    half = np.arange(_SIZE) < _SIZE / 2 if side == "right" else np.arange(_SIZE) >= _SIZE / 2
    otsu = threshold_otsu(central)  # type: ignore[no-untyped-call]
    place = half & _window(side)
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
    usual = _ellipse(side)
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
    labels, _ = ndimage.label(small < threshold)
    touching = np.unique(np.concatenate([labels[0], labels[:, 0], labels[:, -1]]))
    return np.asarray(ndimage.binary_dilation(np.isin(labels, touching[touching > 0]), iterations=4))


def _window(side: str) -> np.ndarray:
    """Where a lung can be at all: a widened ellipse, so that outer air and the bowel stay out."""
    x, y, a, b = _USUAL[side]
    return _in_ellipse(x, y, 1.45 * a, 1.35 * b)


def _ellipse(side: str) -> np.ndarray:
    return _in_ellipse(*_USUAL[side])


def _in_ellipse(x: float, y: float, a: float, b: float) -> np.ndarray:
    rows, columns = (np.mgrid[:_SIZE, :_SIZE] + 0.5) / _SIZE
    return np.asarray(((columns - x) / a) ** 2 + ((rows - y) / b) ** 2 <= 1)


def _closed(lung: np.ndarray) -> np.ndarray:
    """Fill holes and bays: the component united with its closing by a disc of 9 pixels."""
    disc = np.hypot(*np.mgrid[-9:10, -9:10]) <= 9
    closed = ndimage.binary_closing(np.pad(lung, 12), disc)[12:-12, 12:-12]
    return np.asarray(ndimage.binary_fill_holes(closed | lung))


def _midline(right: np.ndarray, left: np.ndarray) -> float:
    """Column between the inner edges of the lungs."""
    inner_right = np.flatnonzero(right.any(axis=0))
    inner_left = np.flatnonzero(left.any(axis=0))
    return (float(inner_right.max()) + float(inner_left.min())) / 2


def _between(right: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Pixels between the lungs' inner edges, row by row, over the height that either lung spans."""
    columns = np.arange(right.shape[1])
    top, bottom = _span(right | left)
    height = right.shape[0]
    edges = np.full((2, height), np.nan)
    for row in range(top, bottom):
        if right[row].any():
            edges[0, row] = np.flatnonzero(right[row]).max()
        if left[row].any():
            edges[1, row] = np.flatnonzero(left[row]).min()
    rows = np.arange(height)
    for edge in edges:
        known = np.isfinite(edge)
        edge[:] = np.interp(rows, rows[known], edge[known])
    inside = (columns > edges[0][:, None]) & (columns < edges[1][:, None])
    inside[:top] = inside[bottom:] = False
    return np.asarray(inside & ~right & ~left)


def _low_row(lungs: np.ndarray) -> int:
    """Row above which 95 % of the lungs' area lies: the angles beside the diaphragm reach below the heart."""
    share = np.cumsum(lungs.sum(axis=1)) / lungs.sum()
    return int(np.searchsorted(share, 0.95)) + 1


def _span(mask: np.ndarray) -> tuple[int, int]:
    """First row of a mask and the row after its last."""
    rows = np.flatnonzero(mask.any(axis=1))
    return int(rows[0]), int(rows[-1]) + 1


def _enlarged(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Bool (128, 128) to `shape`."""
    return _resized(mask, shape) > 0.5


def _resized(picture: np.ndarray, shape: tuple[int, ...], anti_aliasing: bool | None = None) -> np.ndarray:
    from skimage.transform import resize

    given = picture.astype(np.float64)
    return np.asarray(resize(given, shape, order=1, anti_aliasing=anti_aliasing))  # type: ignore[no-untyped-call]
