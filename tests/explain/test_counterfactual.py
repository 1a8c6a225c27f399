from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from cxrneighbors.explain.counterfactual import MAX_SEGMENTS, Counterfactual, smallest_flip


class Additive:
    """Score = 0.1 + the sum of what kept segments add; a donor's segment adds `left[donor]` of that."""

    def __init__(self, adds, left=(0.0,), scale=1.0):
        self.adds, self.left, self.calls = np.array(adds), np.array(left), 0

    def __call__(self, masks, donor):
        self.calls += len(masks)
        share = np.where(masks == 1, 1.0, self.left[donor][:, None])
        return 0.1 + share @ self.adds


def test_the_fewest_segments_that_turn_an_additive_score():
    adds = [0.05, 0.3, 0.02, 0.2, 0.25, 0.0]
    score = Additive(adds)
    found = smallest_flip(score, np.array(adds), 1, lower=True, threshold=0.4)
    needed = next(
        size
        for size in range(1, 7)
        if any(0.92 - sum(np.array(adds)[list(chosen)]) < 0.4 for chosen in combinations(range(6), size))
    )
    assert found.flipped and len(found.segments) == needed == 2 and set(found.segments) == {1, 4}
    assert found.score == pytest.approx(0.37) and found.calls == score.calls == 2 + 2


def test_the_donor_that_turns_it_first_is_taken():
    score = Additive([0.5, 0.2], left=(0.9, 0.1, 0.5))
    found = smallest_flip(score, np.array([0.5, 0.2]), 3, lower=True, threshold=0.5)
    assert found.donor == 1 and found.segments == (0,) and found.calls == score.calls == 3


def test_segments_that_are_not_needed_are_given_back():
    """The surrogate thinks segment 0 matters most; only 1 and 2 together turn the decision."""

    def score(masks, donor):
        return np.where((masks[:, 1] == 0) & (masks[:, 2] == 0), 0.2, 0.9)

    found = smallest_flip(score, np.array([0.6, 0.5, 0.4, 0.1]), 2, lower=True, threshold=0.5)
    assert found.flipped and found.segments == (1, 2) and found.score == 0.2
    assert found.mask(4).tolist() == [1, 0, 0, 1]
    for segment in found.segments:  # none can be spared
        fewer = Counterfactual(tuple({1, 2} - {segment}), 0, 0, True, 0)
        assert score(fewer.mask(4)[None], None)[0] > 0.5


def test_where_nothing_turns_it_the_nearest_is_given_and_the_steps_are_bounded():
    score = Additive(np.full(30, 0.02), left=(0.5,))
    found = smallest_flip(score, np.full(30, 0.02), 1, lower=True, threshold=0.05)
    assert not found.flipped and len(found.segments) == MAX_SEGMENTS == found.calls == score.calls
    assert found.score == pytest.approx(0.7 - MAX_SEGMENTS * 0.01)


def test_upwards_the_strongest_opposition_is_replaced():
    adds = np.array([-0.3, 0.2, -0.1])
    found = smallest_flip(Additive(adds), adds, 1, lower=False, threshold=0.2)
    assert found.flipped and found.segments == (0,) and found.score == pytest.approx(0.2)


def test_no_segment_speaks_that_way():
    assert smallest_flip(Additive([0.1]), np.array([-0.1, 0.0]), 1, lower=True, threshold=0.5) is None


def test_settings_name_the_donor():
    found = Counterfactual((4, 2), 1, 0.25, True, 9)
    expected = {
        "segments": [4, 2],
        "donor": "b",
        "score": 0.25,
        "flipped": True,
        "threshold": 0.5,
        "calls": 9,
    }
    assert found.settings(["a", "b"], 0.5) == expected
