"""Maps whose localisation is known by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from cxrneighbors.explain.quality.localisation import (
    best_iou,
    energy_inside,
    pointing_game,
    top_iou,
    top_segments,
)

LESION = np.zeros((4, 4), dtype=bool)
LESION[:2, :2] = True
QUARTERS = np.repeat(np.repeat([[0, 1], [2, 3]], 2, axis=0), 2, axis=1)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [([1, 0, 0, 0], 1), ([0, 1, 0, 0], 0), ([1, 1, 0, 0], 0.5), ([-1, -2, -3, -4], 0), ([0, 0, 0, 0], 0)],
)
def test_pointing_game(weights, expected):
    assert pointing_game(np.array(weights)[QUARTERS], LESION) == expected


@pytest.mark.parametrize(
    ("weights", "expected"),
    [([1, 0, 0, 0], 1), ([1, 3, 0, -9], 0.25), ([-1, 0, 0, 0], 0), ([2, 2, 2, 2], 0.25)],
)
def test_energy_inside(weights, expected):
    assert energy_inside(np.array(weights, dtype=float)[QUARTERS], LESION) == expected


def test_top_segments_are_positive_and_ordered():
    assert top_segments(np.array([0.2, -5.0, 0.9, 0.0, 0.2]), 2).tolist() == [2, 0]
    assert top_segments(np.array([0.2, -5.0, 0.9, 0.0, 0.2]), 9).tolist() == [2, 0, 4]
    assert top_segments(np.array([-1.0, 0.0]), 3).tolist() == []


@pytest.mark.parametrize(
    ("weights", "top", "expected"),
    [
        ([1, 0, 0, 0], 3, 1),
        ([2, 1, 0, 0], 3, 0.5),
        ([2, 1, 0, 0], 1, 1),
        ([0, 1, 0, 0], 1, 0),
        ([0] * 4, 1, 0),
    ],
)
def test_top_iou(weights, top, expected):
    assert top_iou(np.array(weights, dtype=float), QUARTERS, LESION, top) == expected


def test_best_iou_is_that_of_the_best_of_all_unions():
    rng = np.random.default_rng(0)
    for _ in range(20):
        segments = rng.integers(0, 6, (8, 8))
        lesion = rng.random((8, 8)) < 0.3
        unions = [c for n in range(1, 7) for c in combinations(range(6), n)]
        shown = [np.isin(segments, union) for union in unions]
        brute = max((mask & lesion).sum() / (mask | lesion).sum() for mask in shown)
        assert best_iou(segments, lesion) == pytest.approx(brute)


def test_without_a_lesion_nothing_is_defined():
    nowhere = np.zeros((4, 4), dtype=bool)
    weights = np.ones(4)
    assert np.isnan(pointing_game(weights[QUARTERS], nowhere))
    assert np.isnan(energy_inside(weights[QUARTERS], nowhere))
    assert np.isnan(top_iou(weights, QUARTERS, nowhere))
    assert np.isnan(best_iou(QUARTERS, nowhere))
