"""Integrated gradients by captum: exact where the logit is linear, and complete."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cxrneighbors.errors import UserError
from cxrneighbors.explain.rivals.integrated_gradients import IntegratedGradients

pytest.importorskip("captum.attr")


def test_of_a_linear_logit_they_are_weights_times_the_change(ask, film, square):
    question = ask(calls=30)
    heat = IntegratedGradients().attribute(question)
    assert heat == pytest.approx(np.where(square, 8 / 64 * film[0], 0), abs=1e-5)
    assert question.used == 30
    filled = IntegratedGradients(baseline="fill").attribute(ask(calls=30))
    assert filled == pytest.approx(np.where(square, 8 / 64 * (film[0] - 0.5), 0), abs=1e-5)


def test_they_sum_to_the_change_of_the_logit(ask, film):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 5, stride=2), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 14 * 14, 2))
    heat = IntegratedGradients().attribute(ask(model=model, calls=300))
    images = torch.from_numpy(np.stack([film, np.zeros_like(film)]))
    change = (model(images)[0, 0] - model(images)[1, 0]).item()
    assert heat.sum() == pytest.approx(change, abs=1e-3)


def test_bad_options(ask):
    with pytest.raises(UserError, match="unknown baseline of method integrated-gradients 'white'"):
        IntegratedGradients(baseline="white")
    with pytest.raises(UserError, match="calls is 2; give at least 3"):
        IntegratedGradients().attribute(ask(calls=2))
