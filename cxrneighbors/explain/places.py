"""Where in a picture an area lies, in words."""

from __future__ import annotations

import numpy as np

ROWS, COLUMNS = ("upper", "middle", "lower"), ("left", "centre", "right")


CENTRE = (0.42, 0.58)  # of the width: between the lungs


def place(area: np.ndarray) -> str:
    """Where the middle of `area` bool (H, W) lies: which third of the height, and left is the picture's left.

    >>> place(np.array([[0, 0, 0], [0, 0, 0], [1, 0, 0]], dtype=bool))
    'lower left'

    An area with no pixel is 'nowhere'.
    """
    if not area.any():
        return "nowhere"
    rows, columns = np.nonzero(area)
    down, across = (rows.mean() + 0.5) / area.shape[0], (columns.mean() + 0.5) / area.shape[1]
    row, column = int(np.searchsorted([1 / 3, 2 / 3], down)), int(np.searchsorted(CENTRE, across))
    return "centre" if (row, column) == (1, 1) else f"{ROWS[row]} {COLUMNS[column]}"
