"""Occlusion against a loop by hand, and against captum where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cxrneighbors.errors import UserError
from cxrneighbors.explain.quality.localisation import energy_inside
from cxrneighbors.explain.rivals.occlusion import Occlusion


def test_evidence_is_the_mean_fall_of_the_squares_that_cover_a_pixel(ask, film):
    question = ask(calls=25)
    heat = Occlusion(window=0.25).attribute(question)
    assert question.used == 25
    fall, covered = np.zeros((32, 32)), np.zeros((32, 32))
    for top in (0, 6, 12, 18, 24):
        for left in (0, 6, 12, 18, 24):
            masked = film.copy()
            masked[:, top : top + 8, left : left + 8] = 0.5
            score = 1 / (1 + np.exp(-8 * (masked[0, 8:16, 16:24].mean() - 0.5)))
            fall[top : top + 8, left : left + 8] += question.prediction - score
            covered[top : top + 8, left : left + 8] += 1
    assert heat == pytest.approx(fall / covered, abs=1e-5)


def test_finds_the_square(ask, square):
    assert energy_inside(Occlusion(window=0.25).attribute(ask(calls=400)), square) > 0.4


def test_equals_captum(ask, film):
    attr = pytest.importorskip("captum.attr")
    question = ask(calls=25)
    forward = question.predictor.model
    theirs = attr.Occlusion(lambda images: forward(images).sigmoid()).attribute(
        torch.from_numpy(film[None]), (1, 8, 8), strides=(1, 6, 6), baselines=0.5, target=0
    )
    heat = Occlusion(window=0.25).attribute(question)
    assert heat == pytest.approx(theirs[0, 0].detach().numpy(), abs=1e-5)


def test_too_few_calls_to_cover_the_film_and_a_window_of_no_size(ask):
    with pytest.raises(UserError, match="calls is 10; give at least 16"):
        Occlusion(window=0.25).attribute(ask(calls=10))
    with pytest.raises(UserError, match="window is 0"):
        Occlusion(window=0)
