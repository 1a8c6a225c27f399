"""What a question offers, and how it counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cxrneighbors.errors import UserError
from cxrneighbors.explain.rivals.base import option_error
from cxrneighbors.explain.rivals.grad_cam import GradCAM
from cxrneighbors.explain.rivals.inpainting import Inpainting


def test_scores_are_the_classifiers_and_each_is_a_call(ask, film):
    question = ask()
    images = torch.from_numpy(np.random.default_rng(0).random((40, 1, 32, 32), dtype=np.float32))
    expected = 1 / (1 + np.exp(-8 * (images[:, 0, 8:16, 16:24].mean((1, 2)).numpy() - 0.5)))
    assert question.score(images) == pytest.approx(expected, abs=1e-6) and question.used == 40


def test_blends_show_the_fill_where_a_mask_is_closed(ask, film):
    question = ask(fill="grey")
    masks = np.stack([np.ones((32, 32)), np.zeros((32, 32)), np.full((32, 32), 0.25)]).astype(np.float32)
    square = film[0, 8:16, 16:24].mean()
    expected = [1 / (1 + np.exp(-8 * (m * (square - 0.5)))) for m in (1, 0, 0.25)]
    assert question.score_blended(masks) == pytest.approx(expected, abs=1e-5) and question.used == 3


def test_masked_segments_are_scored_as_lime_scores_them(ask):
    question, masks = ask(), np.ones((2, 16), dtype=np.uint8)
    masks[1, 6] = 0
    assert question.score_masked(masks) == pytest.approx([question.prediction, 0.5], abs=1e-6)


def test_a_gradient_counts_three_calls(ask, film):
    question = ask()
    images = torch.from_numpy(film[None]).requires_grad_()
    question.logit(images).sum().backward()
    assert question.used == 3
    expected = np.zeros((32, 32))
    expected[8:16, 16:24] = 8 / 64
    assert images.grad[0, 0].numpy() == pytest.approx(expected)


def test_more_calls_than_granted_are_refused(ask):
    question = ask(calls=3)
    question.score(torch.zeros(2, 1, 32, 32))
    with pytest.raises(UserError, match=r"'rival': needs 4 classifier calls or more, 3 are granted"):
        question.score(torch.zeros(2, 1, 32, 32))


def test_without_an_index_there_are_neither_neighbours_nor_a_vae(ask):
    with pytest.raises(UserError, match="takes neighbours from an index"):
        Inpainting().attribute(ask())
    with pytest.raises(UserError, match="takes the VAE of an index"):
        ask().vae()


def test_a_function_has_no_gradients(ask):
    question = ask(model=lambda images: np.repeat(images.mean((1, 2, 3))[:, None], 2, axis=1))
    with pytest.raises(UserError, match="has no gradients"):
        GradCAM().attribute(question)


def test_option_errors_are_one_line():
    assert str(option_error("rise", "grid", 1, "at least 2")) == "method 'rise': grid is 1; give at least 2"
