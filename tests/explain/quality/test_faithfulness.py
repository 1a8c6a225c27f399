"""Curves of classifiers whose area can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.explain.quality.faithfulness import (
    deletion_auc,
    donor_aucs,
    held_out_correlation,
    insertion_auc,
    removal_masks,
    removed_share,
    top_by_area,
    weighted_correlation,
)

SEGMENTS = np.array([[0, 0, 0, 0], [1, 1, 2, 3]])  # half, a quarter, an eighth, an eighth


def sees_segment_1(masks, fill):
    return masks[:, 1].astype(float)


def test_removal_masks_take_away_the_largest_first():
    masks = removal_masks(np.array([0.1, 0.9, -1.0]))
    assert masks.tolist() == [[1, 1, 1], [1, 0, 1], [0, 0, 1], [0, 0, 0]]


def test_removed_share_counts_pixels():
    masks = removal_masks(np.array([0.1, 0.9, 0.5, -1.0]))
    assert removed_share(masks, SEGMENTS).tolist() == [0, 0.25, 0.375, 0.875, 1]


def test_area_is_the_integral():
    segments = np.random.default_rng(0).integers(0, 9, (20, 20))
    weights = np.random.default_rng(1).normal(size=9)
    assert deletion_auc(weights, segments, lambda masks, fill: 3 * removed_share(masks, segments)) == (
        pytest.approx(1.5)
    )


def test_deletion_and_insertion_of_the_one_segment_that_counts():
    first = np.array([0.1, 0.9, 0.5, -1.0])  # segment 1 goes first, a quarter of the film
    assert deletion_auc(first, SEGMENTS, sees_segment_1) == pytest.approx(0.25 / 2)
    assert insertion_auc(first, SEGMENTS, sees_segment_1) == pytest.approx(0.25 / 2 + 0.75)
    last = -first  # order 3, 0, 2, 1: it goes after three quarters
    assert deletion_auc(last, SEGMENTS, sees_segment_1) == pytest.approx(0.75 + 0.25 / 2)
    assert insertion_auc(last, SEGMENTS, sees_segment_1) == pytest.approx(0.25 / 2)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, [1, 1, 1, 1]), (0.2, [1, 0, 1, 1]), (0.31, [1, 0, 1, 1]), (0.32, [1, 0, 0, 1]), (1, [0, 0, 0, 0])],
)
def test_top_by_area_is_nearest_to_the_share(share, expected):
    weights = np.array([0.1, 0.9, 0.5, -1.0])  # a quarter, 3/8, 7/8, all
    assert top_by_area(weights, SEGMENTS, share).tolist() == expected


def test_donors_stand_in_both_ways_and_are_averaged():
    """Donor 0 lacks what segment 1 shows; donor 1 shows it too, so nothing falls with it."""

    def score(masks):
        return np.stack([masks[:, 1].astype(float), np.ones(len(masks))])

    weights = np.array([0.1, 0.9, 0.5, -1.0])  # segment 1 goes first, a quarter of the film
    assert donor_aucs(weights, SEGMENTS, score) == pytest.approx(
        ((0.25 / 2 + 1) / 2, (0.25 / 2 + 0.75 + 1) / 2)
    )
    assert donor_aucs(-weights, SEGMENTS, score)[0] == pytest.approx((0.75 + 0.25 / 2 + 1) / 2)


def test_fills_are_those_of_the_paper():
    fills = []
    deletion_auc(np.ones(4), SEGMENTS, lambda masks, fill: fills.append(fill) or np.zeros(len(masks)))
    insertion_auc(np.ones(4), SEGMENTS, lambda masks, fill: fills.append(fill) or np.zeros(len(masks)))
    assert fills == ["grey", "blur"]


def test_weighted_correlation_equals_numpys_on_repeated_rows():
    rng = np.random.default_rng(1)
    a, b, counts = rng.normal(size=20), rng.normal(size=20), rng.integers(1, 5, 20)
    expected = np.corrcoef(np.repeat(a, counts), np.repeat(b, counts))[0, 1]
    assert weighted_correlation(a, b, counts.astype(float)) == pytest.approx(expected)
    assert weighted_correlation(np.ones(20), b, counts.astype(float)) == 0


def test_held_out_correlation_of_a_linear_score_is_one():
    rng = np.random.default_rng(2)
    masks, weights = rng.integers(0, 2, (40, 6)).astype(np.uint8), rng.normal(size=6)
    assert held_out_correlation(weights, masks, 0.3 + 2 * masks @ weights) == pytest.approx(1)
    assert held_out_correlation(-weights, masks, 0.3 + 2 * masks @ weights) == pytest.approx(-1)
    assert held_out_correlation(np.zeros(6), masks, masks @ weights) == 0
