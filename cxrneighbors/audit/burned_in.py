"""Films that may have writing in them: a suspect list by a simple rule, not a reader of text."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

LARGEST_SIDE = 512
# Of a letter: how bright, how much brighter than what is around it, how large, how near to the border (as
# shares of white and of the film's shorter side).
BRIGHT, CONTRAST, AROUND = 0.75, 0.3, 1 / 12
SMALLEST, LARGEST = 1 / 80, 1 / 9
BORDER = 0.25
LEAST_LETTERS = 4  # a lone side marker, L or R, is no name


def count_letters(film: np.ndarray) -> int:
    """How many small bright spots near the border could be letters: film float (H, W) in [0, 1], of at most
    some hundred pixels a side.

    Spots are connected parts brighter than `BRIGHT` and than their surroundings by `CONTRAST`, whose larger
    side lies between `SMALLEST` and `LARGEST` of the film, in its outer quarter. Films from `LEAST_LETTERS`
    on are suspects: writing, but also electrodes, clips and wires; small, grey or black writing is missed.
    """
    side = min(film.shape)
    around = ndimage.uniform_filter(film, size=max(3, round(side * AROUND)))
    parts, count = ndimage.label((film > BRIGHT) & (film - around > CONTRAST), np.ones((3, 3)))
    if not count:
        return 0
    boxes = ndimage.find_objects(parts)
    return sum(_is_letter(rows, columns, film.shape, side) for rows, columns in boxes)


def _is_letter(rows: slice, columns: slice, shape: tuple[int, ...], side: int) -> bool:
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if not max(2, side * SMALLEST) <= max(height, width) <= side * LARGEST:
        return False
    row, column = (rows.start + rows.stop) / 2 / shape[0], (columns.start + columns.stop) / 2 / shape[1]
    return bool(min(row, 1 - row, column, 1 - column) < BORDER)
