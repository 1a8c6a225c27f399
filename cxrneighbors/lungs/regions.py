"""Anatomical regions of a frontal film, made from its two lungs."""

from __future__ import annotations

import numpy as np

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
_HEART_SHARE = 0.45  # the heart is the lower part of the space between the lungs


def lung_regions(lungs: np.ndarray) -> np.ndarray:
    """Regions of a frontal film by its lungs bool (2, H, W): int32 (H, W), positions in `REGIONS`.

    Each lung is cut into thirds of its height. Between the lungs' inner edges, over their common height, lies
    the mediastinum; the lower 45 % of it, down to where 95 % of the lungs' area is passed, is the heart. The
    rest is 'outside'. They are places to mask, not a measurement, and mean nothing on a lateral film.
    """
    right, left = lungs
    area = np.cumsum((right | left).sum(axis=1))
    # The angles beside the diaphragm reach below the heart.
    top, bottom = _span(right | left)[0], int(np.searchsorted(area / area[-1], 0.95)) + 1
    rows = np.arange(lungs.shape[1])[:, None]
    is_heart = rows >= bottom - round(_HEART_SHARE * (bottom - top))
    middle = np.where(is_heart, REGIONS.index("heart"), REGIONS.index("mediastinum"))
    regions = np.where(_between(right, left) & (rows < bottom), middle, 0)
    for first, lung in ((1, right), (4, left)):
        start, stop = _span(lung)
        regions = np.where(lung, first + (rows - start) * 3 // (stop - start), regions)
    return regions.astype(np.int32)


def _between(right: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Pixels between the lungs' inner edges, row by row, over the height that either lung spans."""
    rows, columns = (np.arange(length) for length in right.shape)
    edges = []
    for lung, edge in ((right, np.where(right, columns, -1).max(1)), (left, left.argmax(1))):
        known = lung.any(axis=1)
        edges.append(np.interp(rows, rows[known], edge[known])[:, None])
    top, bottom = _span(right | left)
    inside = (columns > edges[0]) & (columns < edges[1]) & ((rows >= top) & (rows < bottom))[:, None]
    return np.asarray(inside & ~right & ~left)


def _span(mask: np.ndarray) -> tuple[int, int]:
    """First row of a mask and the row after its last."""
    rows = np.flatnonzero(mask.any(axis=1))
    return int(rows[0]), int(rows[-1]) + 1
