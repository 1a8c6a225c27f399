"""RISE on a classifier that looks at one square, and its masks."""

from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.explain.quality.localisation import pointing_game
from cxrneighbors.explain.rivals.rise import Rise
from cxrneighbors.explain.soft_masks import soft_masks


def test_finds_the_square_and_uses_the_calls_granted(ask, square):
    question = ask(calls=300)
    heat = Rise(grid=4).attribute(question)
    assert question.used == 300 and heat.shape == (32, 32)
    assert pointing_game(heat, square) == 1
    assert heat[square].mean() > 3 * np.abs(heat[~square]).mean()


def test_the_published_sum_by_hand(ask, film):
    question = ask(calls=10, seed=5)
    masks = soft_masks(10, 7, 0.5, (32, 32), np.random.default_rng(5))
    films = masks[:, None] * film + (1 - masks[:, None]) * 0.5
    scores = 1 / (1 + np.exp(-8 * (films[:, 0, 8:16, 16:24].mean((1, 2)) - 0.5)))
    expected = (scores[:, None, None] * masks).sum(0) / (10 * 0.5)
    assert Rise(centred=False).attribute(question) == pytest.approx(expected, abs=1e-5)
    centred = ((scores - scores.mean())[:, None, None] * masks).sum(0) / (10 * 0.5)
    assert Rise().attribute(ask(calls=10, seed=5)) == pytest.approx(centred, abs=1e-5)


def test_masks_open_as_often_as_asked_and_are_soft():
    masks = soft_masks(3000, 5, 0.3, (30, 41), np.random.default_rng(0))
    assert masks.shape == (3000, 30, 41) and masks.min() >= 0 and masks.max() <= 1
    assert masks.mean(0) == pytest.approx(0.3, abs=0.05)
    assert ((masks > 0.01) & (masks < 0.99)).mean() > 0.2


@pytest.mark.parametrize("options", [{"grid": 1}, {"keep": 0.0}, {"keep": 1.0}])
def test_options_out_of_range(options):
    with pytest.raises(UserError, match=r"'rise': (grid|keep) is"):
        Rise(**options)
