from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.explain.places import place


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        (slice(0, 10), slice(0, 10), "upper left"),
        (slice(40, 50), slice(30, 40), "middle left"),
        (slice(40, 60), slice(40, 60), "centre"),
        (slice(0, 100), slice(0, 100), "centre"),
        (slice(80, 100), slice(45, 55), "lower centre"),
        (slice(70, 71), slice(60, 61), "lower right"),
        (slice(0, 0), slice(0, 0), "nowhere"),
    ],
)
def test_place(rows, columns, expected):
    area = np.zeros((100, 100), dtype=bool)
    area[rows, columns] = True
    assert place(area) == expected
    assert place(np.repeat(area, 2, axis=1)) == expected
