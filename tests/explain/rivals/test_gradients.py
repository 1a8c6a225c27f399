"""Logits and last maps of networks built in different ways."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cxrneighbors import classifiers
from cxrneighbors.errors import UserError
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.rivals.gradients import last_gradient, last_maps, target_logit

FILM = torch.from_numpy(np.random.default_rng(0).random((1, 1, 64, 64), dtype=np.float32))


def test_one_output_with_two_labels_is_the_seconds_logit():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64 * 64, 1))
    predictor = Predictor(model, ["absent", "present"], "cpu")
    logit = target_logit(predictor, FILM, "present")
    assert torch.allclose(logit, model(FILM)[:, 0])
    assert torch.allclose(target_logit(predictor, FILM, "absent"), -logit)


def test_a_single_label_is_its_own_output():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64 * 64, 1))
    assert torch.allclose(target_logit(Predictor(model, ["only"], "cpu"), FILM, "only"), model(FILM)[:, 0])


def test_grey_films_are_repeated_for_a_network_that_wants_colour():
    model = nn.Sequential(nn.Conv2d(3, 2, 64), nn.Flatten())
    predictor = Predictor(model, ["a", "b"], "cpu", channels=3, activation="sigmoid")
    assert torch.allclose(target_logit(predictor, FILM, "b"), model(FILM.repeat(1, 3, 1, 1))[:, 1])


@pytest.mark.parametrize("name", ["small-cnn", "cnn-lstm", "mobilenetv2", "alexnet"])
def test_the_packages_networks_have_last_maps(name):
    """The gradient there predicts what a small step along it does to the logit."""
    labels = ["A", "B", "C", "D"]
    size = {"cnn-lstm": 64, "alexnet": 227}.get(name, 64)
    model = classifiers.build(name, labels=labels, image_size=size).eval()
    predictor = Predictor(model, device="cpu")
    maps, gradient = last_gradient(predictor, FILM, "B")
    assert maps.shape == gradient.shape and maps.ndim == 3 and maps.shape[1] > 1
    assert np.array_equal(maps, last_maps(predictor, FILM, "B")) and np.isfinite(gradient).all()


def test_small_cnns_maps_are_what_its_head_pools():
    model = classifiers.build("small-cnn", labels=["A"], image_size=64, width=4).eval()
    maps = last_maps(Predictor(model, device="cpu"), FILM, "A")
    with torch.no_grad():
        features = model.features(FILM)[0].numpy()
    assert features[: len(maps)] == pytest.approx(maps.mean((1, 2)), abs=1e-6)


def test_a_frozen_network_has_gradients_too_and_no_hook_stays():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 62 * 62, 1))
    model.requires_grad_(False)
    _, gradient = last_gradient(Predictor(model, ["a"], "cpu"), FILM, "a")
    assert gradient.ravel() == pytest.approx(model[3].weight[0].numpy())
    assert not any(module._forward_hooks for module in model.modules())


def test_a_network_without_maps_is_refused():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64 * 64, 1))
    with pytest.raises(UserError, match="no convolutional maps"):
        last_maps(Predictor(model, ["a"], "cpu"), FILM, "a")
