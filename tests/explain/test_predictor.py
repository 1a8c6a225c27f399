from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cxrneighbors.classifiers.registry import build
from cxrneighbors.errors import UserError
from cxrneighbors.explain.predictor import Predictor

IMAGES = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))


class Fixed(nn.Module):
    """Returns the same logits for every image."""

    def __init__(self, logits, flat=False):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))
        self.flat = flat

    def forward(self, images):
        rows = self.logits.expand(len(images), -1)
        return rows[:, 0] if self.flat else rows


def score(model, target, **options):
    return Predictor(model, device="cpu", **options).score(IMAGES, target)[0].item()


def test_multi_label_sigmoid_softmax_and_plain_scores():
    logits = [0.2, -1.0, 2.0]
    model, labels = Fixed(logits), ["a", "b", "c"]
    sigmoid, softmax = torch.tensor(logits).sigmoid(), torch.tensor(logits).softmax(0)
    assert score(model, "b", labels=labels, activation="sigmoid") == pytest.approx(float(sigmoid[1]))
    assert score(model, "c", labels=labels, activation="softmax") == pytest.approx(float(softmax[2]))
    assert score(model, "a", labels=labels, activation="none") == pytest.approx(0.2)


@pytest.mark.parametrize("flat", [False, True])
def test_one_logit_is_the_only_label_or_the_second_of_two(flat):
    p = torch.tensor(0.7).sigmoid().item()
    assert score(Fixed([0.7], flat), "sick", labels=["sick"]) == pytest.approx(p)
    assert score(Fixed([0.7], flat), "sick", labels=["well", "sick"]) == pytest.approx(p)
    assert score(Fixed([0.7], flat), "well", labels=["well", "sick"]) == pytest.approx(1 - p)


def test_two_logits_are_a_softmax():
    p = torch.tensor([0.3, 1.0]).softmax(0)[1].item()
    assert score(Fixed([0.3, 1.0]), "sick", labels=["well", "sick"]) == pytest.approx(p)


def test_a_function_gets_numpy_images_and_its_scores_are_taken_as_they_are():
    seen = []

    def function(images):
        seen.append(images)
        return images.mean((1, 2, 3)) * 3

    predictor = Predictor(function, ["bright"], "cpu")
    assert predictor.score(IMAGES, "bright").numpy() == pytest.approx(IMAGES.mean((1, 2, 3)).numpy() * 3)
    assert isinstance(seen[0], np.ndarray) and seen[0].dtype == np.float32


def test_a_classifier_of_the_package_brings_labels_size_and_activation():
    from cxrneighbors.classifiers.registry import build

    for multi_label in (True, False):
        model = build("small-cnn", labels=["a", "b"], image_size=32, width=2, multi_label=multi_label)
        predictor = Predictor(model, device="cpu")
        images = torch.rand(2, 1, 40, 40)
        expected = model.predict(images.numpy(), device="cpu")[:, 1]
        assert predictor.image_size == 32 and predictor.labels == ("a", "b")
        assert predictor.score(images, "b").numpy() == pytest.approx(expected, abs=1e-6)


def test_grey_films_are_repeated_for_a_module_that_wants_colour():
    predictor = Predictor(lambda images: images.sum((2, 3)), ["r", "g", "b"], "cpu", channels=3)
    expected = IMAGES.sum((1, 2, 3)).numpy()
    assert predictor.score(IMAGES, "b").numpy() == pytest.approx(expected, rel=1e-5)


def test_unknown_target_lists_the_labels():
    with pytest.raises(UserError, match=r"target 'Mass'.*Nodule, Effusion"):
        Predictor(lambda images: images, ["Nodule", "Effusion"]).column("Mass")


@pytest.mark.parametrize("outputs", [1, 2, 4])
def test_wrong_number_of_outputs(outputs):
    with pytest.raises(UserError, match=rf"shape \(3, {outputs}\).*3 labels"):
        score(lambda images: np.zeros((len(images), outputs)), "a", labels=["a", "b", "c"])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_not_finite(value):
    with pytest.raises(UserError, match="'a' is NaN or infinite for 1 of 3 images"):
        score(lambda images: np.array([0.1, value, 0.2]), "a", labels=["a"])


def test_a_module_that_does_not_say_what_its_outputs_are():
    with pytest.raises(UserError, match="activation='sigmoid'"):
        score(Fixed([0.1, 0.2, 0.3]), "a", labels=["a", "b", "c"])


def test_no_labels_no_function_unknown_activation():
    with pytest.raises(UserError, match="give labels"):
        Predictor(Fixed([0.1]))
    with pytest.raises(UserError, match="neither a torch module nor a function"):
        Predictor(3, ["a"])
    with pytest.raises(UserError, match="activation 'relu'"):
        Predictor(Fixed([0.1]), ["a"], activation="relu")


def test_bfloat16_is_near_full_precision_and_ranks_alike():
    model = build("small-cnn", labels=["Mass", "Nodule"], image_size=32, seed=0)
    images = torch.rand(40, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    whole = Predictor(model, device="cpu").score(images, "Mass").numpy()
    brief = Predictor(model, device="cpu", precision="bfloat16").score(images, "Mass")
    assert brief.dtype == torch.float32
    assert np.abs(brief.numpy() - whole).max() < 0.02 * whole.max()
    assert (brief.numpy() != whole).any()
    with pytest.raises(UserError, match="bfloat16"):
        Predictor(model, device="cpu", precision="float8")
