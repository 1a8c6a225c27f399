from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from cxrneighbors import classifiers
from cxrneighbors.classifiers.registry import build, load_classifier
from cxrneighbors.devices import resolve_device
from cxrneighbors.errors import UserError
from cxrneighbors.seeding import seeded

IMAGES = np.random.default_rng(0).random((5, 1, 40, 40)).astype(np.float32)


def tiny(labels=("a", "b"), **options):
    return build("small-cnn", labels=labels, image_size=32, width=4, **options)


def test_build_names_the_classes() -> None:
    assert build("small-cnn", 3).labels == ("class 0", "class 1", "class 2")
    assert classifiers.build("small-cnn", 2, labels=["x", "y"]).labels == ("x", "y")


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (("densenet", 2), {}, "unknown model 'densenet'; choose one of: chexnet, small-cnn"),
        (("small-cnn", 2), {"depth": 3}, "unknown option of model small-cnn 'depth'"),
        (("small-cnn",), {}, "number of classes unknown"),
        (("small-cnn", 3), {"labels": ["a"]}, "1 labels for 3 classes"),
        (("small-cnn",), {"labels": ["a", "b", "a"]}, "'a' is listed twice"),
        (("small-cnn",), {"labels": []}, "0 given; a multi-label classifier needs at least 1"),
        (
            ("small-cnn",),
            {"labels": ["a"], "multi_label": False},
            "a single-label classifier needs at least 2",
        ),
    ],
)
def test_build_errors(arguments, options, said) -> None:
    with pytest.raises(UserError, match=said):
        build(*arguments, **options)


def test_seed_decides_weights_and_leaves_the_global_generator_alone() -> None:
    state = torch.get_rng_state()
    assert tiny(seed=1).weights_hash() == tiny(seed=1).weights_hash() != tiny(seed=2).weights_hash()
    assert torch.equal(torch.get_rng_state(), state)
    with seeded(3):
        torch.rand(2)
    assert torch.equal(torch.get_rng_state(), state)


def test_save_and_load_round_trip(tmp_path) -> None:
    model = tiny(multi_label=False, dropout=0.5, seed=7)
    model.save(tmp_path / "m")
    loaded = load_classifier(tmp_path / "m", device="cpu")
    assert loaded.config() == model.config() and not loaded.training
    assert np.array_equal(loaded.predict(IMAGES, device="cpu"), model.predict(IMAGES, device="cpu"))
    assert model.training  # predict left the mode as it was


def test_predict_is_sigmoid_or_softmax_of_the_logits_for_any_batch_size() -> None:
    for multi_label in (True, False):
        model = tiny(multi_label=multi_label).eval()
        with torch.no_grad():
            logits = model(torch.from_numpy(IMAGES)).double().numpy()
        exp = np.exp(logits)
        expected = exp / (1 + exp) if multi_label else exp / exp.sum(1, keepdims=True)
        for batch_size in (2, 64):
            assert np.allclose(model.predict(IMAGES, batch_size, device="cpu"), expected, atol=1e-6)
    colour = np.repeat(IMAGES, 3, axis=1)
    assert np.allclose(model.predict(colour, device="cpu"), model.predict(IMAGES, device="cpu"), atol=1e-6)


def test_bad_images() -> None:
    model = tiny()
    with pytest.raises(ValueError, match="images must be"):
        model.predict(IMAGES[0], device="cpu")
    with pytest.raises(ValueError, match="images must be float"):
        model(torch.zeros(1, 2, 32, 32))
    with pytest.raises(ValueError, match="images must be float"):
        model(torch.zeros(1, 1, 32, 32, dtype=torch.uint8))
    with pytest.raises(UserError, match="at least 32"):
        build("small-cnn", 2, image_size=16)


def edit(folder, **changes) -> None:
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, **changes}))


def test_load_errors(tmp_path) -> None:
    folder = tmp_path / "m"

    def fails(said: str) -> None:
        with pytest.raises(UserError, match=said):
            load_classifier(folder, device="cpu")

    fails("no such file")
    tiny().save(folder)
    edit(folder, format=99)
    fails("format 99, this version reads 1")
    tiny().save(folder)
    edit(folder, classifier="alexnet-9")
    fails("unknown model 'alexnet-9'")
    tiny().save(folder)
    edit(folder, config={"labels": ["a", "b"], "depth": 2})
    fails("depth")
    tiny().save(folder)
    edit(folder, config={**tiny().config(), "labels": ["a", "b", "c"]})
    fails("2 of another shape: head.weight")
    tiny().save(folder)
    edit(folder, weights_hash="0")
    fails("a changed file")
    (folder / "model.safetensors").write_bytes(b"12")
    fails("cannot be read")
    (folder / "model.safetensors").unlink()
    fails("model.safetensors: no such file")
    (folder / "config.json").write_text("{}")
    fails("not a classifier of this package")


def test_device_errors() -> None:
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") in ("cpu", "cuda")
    with pytest.raises(UserError, match="unknown; choose auto, cpu or cuda"):
        resolve_device("gpu!")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="no CUDA device"):
            resolve_device("cuda")


def test_the_package_imports_neither_torch_nor_monai() -> None:
    code = "import sys, cxrneighbors.classifiers; print({'torch', 'monai', 'lightning'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
