"""KernelSHAP by captum against Shapley values known in closed form."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
import torch

from cxrneighbors.errors import UserError
from cxrneighbors.explain.rivals import captum_library
from cxrneighbors.explain.rivals.kernel_shap import KernelSHAP

SIDE = 32


@pytest.fixture
def captum():
    return pytest.importorskip("captum.attr")


def linear(images: np.ndarray) -> np.ndarray:
    """0.1 + the weighted mean of the sixteen squares, once and negative."""
    weights = np.linspace(-1, 1, 16).reshape(4, 4)
    cells = images[:, 0].reshape(-1, 4, 8, 4, 8).mean((2, 4))
    score = 0.1 + 0.2 * (cells * weights).sum((1, 2))
    return np.stack([score, -score], 1)


def test_of_a_linear_model_they_are_the_weights_times_the_change(captum, ask, film):
    question = ask(model=linear, calls=200)
    cells = film[0].reshape(4, 8, 4, 8).mean((1, 3)).ravel()
    found = KernelSHAP().attribute(question)
    assert found == pytest.approx(0.2 * np.linspace(-1, 1, 16) * (cells - 0.5), abs=1e-4)
    assert question.used <= 200


def interacting(images: np.ndarray) -> np.ndarray:
    """A product of two halves: an interaction, shared half and half."""
    left, right = images[:, 0, :, :16].mean((1, 2)), images[:, 0, :, 16:].mean((1, 2))
    score = left * right + 0.3 * left
    return np.stack([score, -score], 1)


def test_of_four_segments_they_are_the_shapley_values(captum, ask, film):
    question = ask(model=interacting, calls=3000)
    rows, columns = np.mgrid[:SIDE, :SIDE] // 16
    question.segments = rows * 2 + columns
    value = {}
    for size in range(5):
        for kept in combinations(range(4), size):
            shown = np.where(np.isin(question.segments, kept), film, 0.5)
            value[kept] = float(interacting(shown[None])[0, 0])
    shapley = np.zeros(4)
    for player in range(4):
        for kept in value:
            if player not in kept:
                weight = math.factorial(len(kept)) * math.factorial(3 - len(kept)) / math.factorial(4)
                shapley[player] += weight * (value[tuple(sorted((*kept, player)))] - value[kept])
    assert KernelSHAP().attribute(question) == pytest.approx(shapley, abs=0.002)


def test_the_seed_decides_and_the_global_generator_is_left_alone(captum, ask):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first, again, other = (KernelSHAP().attribute(ask(calls=40, seed=s)) for s in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_without_captum_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "captum.attr", None)
    monkeypatch.setitem(__import__("sys").modules, "captum", None)
    with pytest.raises(UserError, match=r"'kernel-shap': needs captum; pip install 'cxrneighbors\[rivals\]'"):
        KernelSHAP()
    with pytest.raises(UserError, match="'x'"):
        captum_library.captum("x")


def test_too_few_calls(captum, ask):
    with pytest.raises(UserError, match="calls is 2; give at least 3"):
        KernelSHAP().attribute(ask(calls=2))
