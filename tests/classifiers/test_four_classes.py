from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from cxrneighbors.classifiers.four_classes import FOUR_CLASSES
from cxrneighbors.classifiers.parameter_counts import count_parameters
from cxrneighbors.classifiers.registry import build, load_classifier
from cxrneighbors.classifiers.starting import starting_model
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.errors import UserError

NAMES = ("cnn-lstm", "alexnet", "resnet101v2", "mobilenetv2")
IMAGES = np.random.default_rng(0).random((2, 1, 70, 60)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "keras", "in_torch"),
    [
        ("cnn-lstm", 55_407_300, 55_407_300 + 512),
        ("alexnet", 29_986_180, 29_986_180),
        ("resnet101v2", 43_741_828, 43_741_828 - 97_664),
        ("mobilenetv2", 2_980_036, 2_980_036 - 34_112),
    ],
)
def test_parameters_are_those_of_the_paper(name, keras, in_torch) -> None:
    with torch.device("meta"):  # shapes are enough
        model = build(name, 4)
    counts = count_parameters(model)
    assert (counts.keras, counts.torch) == (keras, in_torch)
    assert in_torch == sum(value.numel() for value in model.parameters())
    assert model.labels == FOUR_CLASSES and model.image_size == 250


@pytest.mark.parametrize(("name", "keras"), [("resnet101v2", 42_626_560), ("mobilenetv2", 2_257_984)])
def test_parameters_without_top(name, keras) -> None:
    with torch.device("meta"):
        assert count_parameters(build(name, 4).backbone).keras == keras


@pytest.mark.parametrize("name", NAMES)
def test_a_smaller_input_works_and_survives_saving(name, tmp_path) -> None:
    torch.set_num_threads(1)
    model = build(name, labels=["a", "b", "c"], image_size=64, dropout=0.25)
    scores = model.predict(IMAGES, device="cpu")
    assert scores.shape == (2, 3)
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(model.predict(np.repeat(IMAGES, 3, axis=1), device="cpu"), scores, rtol=1e-4)
    if name in ("cnn-lstm", "mobilenetv2"):
        model.save(tmp_path)
        again = load_classifier(tmp_path, device="cpu")
        assert again.config() == model.config() and again.dropout == 0.25
        np.testing.assert_array_equal(again.predict(IMAGES, device="cpu"), scores)


@pytest.mark.parametrize(("name", "least"), [("cnn-lstm", 22), ("alexnet", 50), ("mobilenetv2", 32)])
def test_the_least_size_works_and_one_less_is_refused(name, least) -> None:
    model = build(name, 2, image_size=least)
    assert model.predict(IMAGES, device="cpu").shape == (2, 2)
    with pytest.raises(UserError, match=f"image_size {least - 1} leaves no pixel .*; take at least {least}"):
        build(name, 2, image_size=least - 1)


def test_pixels_reach_the_network_between_minus_one_and_one() -> None:
    model = build("cnn-lstm", 2, image_size=30)
    images = torch.stack([torch.zeros(1, 30, 30), torch.ones(1, 30, 30), torch.full((1, 30, 30), 0.25)])
    prepared = model.prepared(images)
    assert prepared.shape == (3, 3, 30, 30)
    assert [float(image.mean()) for image in prepared] == [-1.0, 1.0, -0.5]
    assert float(prepared.std(dim=(1, 2, 3)).max()) == 0


def test_weights_are_drawn_as_keras_draws_them() -> None:
    model = build("cnn-lstm", 4, image_size=46, seed=3)
    first = model.head[0]
    limit = np.sqrt(6 / (first.in_features + first.out_features))
    assert float(first.weight.detach().abs().max()) == pytest.approx(limit, rel=1e-3)
    assert float(first.bias.detach().abs().max()) == 0
    recurrent = model.lstm.weight_hh_l0.detach()
    torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(128), atol=1e-4, rtol=0)
    assert model.lstm.bias_ih_l0.detach().view(4, 128).mean(1).tolist() == [0, 1, 0, 0]  # forget gate


def test_table_1_is_the_default() -> None:
    from cxrneighbors.classifiers.training_module import ClassifierSettings

    settings = ClassifierSettings(**build("cnn-lstm", 2, image_size=30).training_defaults)
    assert (settings.optimiser, settings.lr, settings.epochs, settings.batch_size) == ("adam", 3e-4, 20, 16)


def table(*classes):
    rows = [(f"i{n}", f"p{n}", [name], "x.png") for n, name in enumerate(classes)]
    return validate_studies(pd.DataFrame(rows, columns=["image_id", "patient_id", "findings", "path"]))


def test_classes_are_those_of_the_table_normal_included() -> None:
    model = starting_model("cnn-lstm", table("Pneumonia", "No Finding", "Pneumonia"), image_size=30)
    assert model.labels == ("No Finding", "Pneumonia") and not model.multi_label


@pytest.mark.parametrize(
    ("classes", "said"),
    [(("Pneumonia",) * 3, "has only the class Pneumonia; a classifier needs two"), ((), "has no findings")],
)
def test_one_class_only_is_named(classes, said) -> None:
    with pytest.raises(UserError, match=said):
        starting_model("alexnet", table(*classes), image_size=50)
