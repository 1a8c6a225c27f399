from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.lungs.masks import (
    believable,
    believable_sides,
    completed,
    dice,
    largest_part,
    sides,
    usual_lungs,
)


def test_dice_by_hand():
    a, b = np.zeros((2, 3, 4), dtype=bool), np.zeros((2, 3, 4), dtype=bool)
    a[0, 0], b[0, 0, :1], b[0, 1, :2] = True, True, True
    np.testing.assert_allclose(dice(a, b), [2 * 1 / (4 + 3), 1.0])


def test_two_parts_become_right_and_left_and_crumbs_go_with_the_nearer():
    mask = np.zeros((20, 30), dtype=bool)
    mask[2:12, 16:26] = mask[4:10, 3:10] = True  # the larger one is the left lung
    mask[18, 13], mask[18, 24] = True, True
    right, left = sides(mask)
    assert right[4:10, 3:10].all() and left[2:12, 16:26].all()
    assert left[18, 24] and right[18, 13] != left[18, 13]
    assert (right ^ left == mask).all()


def test_one_part_has_no_left_lung_and_none_has_none():
    mask = np.zeros((8, 8), dtype=bool)
    assert not sides(mask).any()
    mask[2:5, 2:5] = True
    assert sides(mask).any(axis=(1, 2)).tolist() == [True, False]


def test_the_largest_part_hangs_together_by_edges_and_has_no_holes():
    mask = np.zeros((9, 9), dtype=bool)
    mask[1:6, 1:6] = True
    mask[3, 3] = False
    mask[6, 6] = mask[8, 0:3] = True  # touches by a corner; lies apart
    expected = np.zeros((9, 9), dtype=bool)
    expected[1:6, 1:6] = True
    assert (largest_part(mask) == expected).all()
    assert not largest_part(np.zeros((4, 4), dtype=bool)).any()


def test_what_is_believable():
    usual = usual_lungs((60, 50))
    swapped, empty = usual[::-1], np.zeros_like(usual)
    one = np.stack([usual[0], np.zeros((60, 50), dtype=bool)])
    whole = np.ones_like(usual)
    low = np.roll(usual, 25, axis=1)
    masks = np.stack([usual, swapped, empty, one, whole, low])
    assert believable(masks).tolist() == [True, False, False, False, False, False]
    assert believable_sides(one).tolist() == [True, False]
    assert believable(usual)


@pytest.mark.parametrize("side", [0, 1])
def test_an_unknown_lung_is_the_mirror_image_of_the_other(side):
    lungs = usual_lungs((40, 40))
    lungs[side, :12] = False
    known = np.array([True, True])
    assert completed(lungs, known) is lungs
    known[1 - side] = False
    found = completed(np.where(known[:, None, None], lungs, False), known)
    assert (found[side] == lungs[side]).all()
    assert (found[1 - side] == lungs[side][:, ::-1]).all()


def test_a_mirror_image_is_cut_at_the_middle_and_nothing_known_is_the_usual_place():
    wide = np.zeros((2, 10, 20), dtype=bool)
    wide[0, :, 2:13] = True
    right, left = completed(wide, np.array([True, False]))
    assert not (right & left).any() and right.any(0).argmax() == 2 and right.sum() == left.sum()
    assert (completed(wide, np.array([False, False])) == usual_lungs((10, 20))).all()
