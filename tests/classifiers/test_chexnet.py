from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cxrneighbors.classifiers import preprocessing as pre
from cxrneighbors.classifiers.chexnet import CHESTXRAY14_LABELS, CheXNet
from cxrneighbors.classifiers.registry import build, load_classifier
from cxrneighbors.errors import UserError

BLOCKS = (6, 12, 24, 16)


def published_state(seed: int = 0, old_names: bool = True, counters: bool = False, classes: int = 14) -> dict:
    """Random weights under the names of a published CheXNet, written down from DenseNet's paper."""
    draw = torch.Generator().manual_seed(seed)
    state: dict[str, torch.Tensor] = {}

    def conv(name: str, out: int, into: int, side: int) -> None:
        scale = (2 / (into * side * side)) ** 0.5
        state[f"features.{name}.weight"] = torch.randn(out, into, side, side, generator=draw) * scale

    def norm(name: str, channels: int) -> None:
        for kind, low in (("weight", 0.5), ("bias", -0.5), ("running_mean", -0.5), ("running_var", 0.5)):
            state[f"features.{name}.{kind}"] = torch.rand(channels, generator=draw) + low
        if counters:
            state[f"features.{name}.num_batches_tracked"] = torch.tensor(7)

    dot = "." if old_names else ""
    conv("conv0", 64, 3, 7)
    norm("norm0", 64)
    channels = 64
    for block, layers in enumerate(BLOCKS, start=1):
        for layer in range(1, layers + 1):
            name = f"denseblock{block}.denselayer{layer}"
            norm(f"{name}.norm{dot}1", channels)
            conv(f"{name}.conv{dot}1", 128, channels, 1)
            norm(f"{name}.norm{dot}2", 128)
            conv(f"{name}.conv{dot}2", 32, 128, 3)
            channels += 32
        if block < 4:
            norm(f"transition{block}.norm", channels)
            conv(f"transition{block}.conv", channels // 2, channels, 1)
            channels //= 2
    norm("norm5", channels)
    state["classifier.0.weight"] = torch.randn(classes, channels, generator=draw) * 0.05
    state["classifier.0.bias"] = torch.randn(classes, generator=draw)
    return state


def reference_probabilities(state: dict, x: torch.Tensor, dot: str = ".") -> torch.Tensor:
    """DenseNet-121 with a sigmoid, in plain functions on published names (x: normalised colour images)."""

    def conv(name: str, x: torch.Tensor, **options: Any) -> torch.Tensor:
        return F.conv2d(x, state[f"features.{name}.weight"], **options)

    def norm_relu(name: str, x: torch.Tensor) -> torch.Tensor:
        mean, var, weight, bias = (
            state[f"features.{name}.{kind}"] for kind in ("running_mean", "running_var", "weight", "bias")
        )
        return F.relu(F.batch_norm(x, mean, var, weight, bias))

    x = F.max_pool2d(norm_relu("norm0", conv("conv0", x, stride=2, padding=3)), 3, stride=2, padding=1)
    for block, layers in enumerate(BLOCKS, start=1):
        for layer in range(1, layers + 1):
            name = f"denseblock{block}.denselayer{layer}"
            y = conv(f"{name}.conv{dot}1", norm_relu(f"{name}.norm{dot}1", x))
            x = torch.cat(
                [x, conv(f"{name}.conv{dot}2", norm_relu(f"{name}.norm{dot}2", y), padding=1)], dim=1
            )
        if block < 4:
            x = F.avg_pool2d(conv(f"transition{block}.conv", norm_relu(f"transition{block}.norm", x)), 2)
    x = norm_relu("norm5", x).mean((2, 3))
    return torch.sigmoid(F.linear(x, state["classifier.0.weight"], state["classifier.0.bias"]))


@pytest.fixture(scope="module")
def model() -> CheXNet:
    return CheXNet(image_size=64, crop="none").eval()


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(5))


def normalised(images: torch.Tensor) -> torch.Tensor:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (images.repeat(1, 3, 1, 1) - mean[None, :, None, None]) / std[None, :, None, None]


def with_prefix(state: dict, prefix: str) -> dict:
    return {prefix + name: value for name, value in state.items()}


# name: (prefix, wrapper, old layer names, counters, classifier inside a Sequential)
LAYOUTS = {
    "as published in 2017": ("module.densenet121.", "state_dict", True, False, True),
    "saved by a newer torch": ("module.densenet121.", "state_dict", False, True, True),
    "without data parallel": ("densenet121.", None, True, False, True),
    "plain torchvision": ("", None, False, True, False),
    "wrapped twice": ("model.module.", "model_state_dict", False, False, False),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_published_layouts_give_the_outputs_of_the_published_network(layout, tmp_path, model, images) -> None:
    prefix, wrapper, old, counters, sequential = LAYOUTS[layout]
    state = published_state(old_names=old, counters=counters)
    expected = reference_probabilities(state, normalised(images), "." if old else "")
    if not sequential:
        state = {name.replace("classifier.0.", "classifier."): value for name, value in state.items()}
    content = with_prefix(state, prefix)
    if wrapper:
        # What training scripts store beside the weights, a NumPy number included.
        content = {"epoch": 9, "best_auroc": np.float64(0.84), wrapper: content, "optimizer": {"lr": 1e-4}}
    torch.save(content, tmp_path / "model.pth.tar")
    model.load_checkpoint(tmp_path / "model.pth.tar")
    with torch.no_grad():
        assert torch.allclose(model.scores(images), expected, atol=1e-5)
    assert expected.std() > 0.05  # the comparison would notice a wrong tensor


def test_safetensors_and_torch_files_agree(tmp_path, model, images) -> None:
    from safetensors.torch import save_file

    state = with_prefix(published_state(3), "module.densenet121.")
    save_file(state, tmp_path / "weights.safetensors")
    torch.save(state, tmp_path / "weights.pth")
    with torch.no_grad():
        model.load_checkpoint(tmp_path / "weights.safetensors")
        first = model(images)
        model.load_checkpoint(tmp_path / "weights.pth")
        assert torch.equal(first, model(images))


def changed(state: dict, case: str) -> dict:
    layer = "features.denseblock2.denselayer3.norm.2.bias"
    if case == "missing":
        del state[layer]
    elif case == "left over":
        state["features.norm6.weight"] = torch.zeros(3)
    elif case == "shape":
        state["features.conv0.weight"] = torch.zeros(64, 1, 7, 7)
    elif case == "counter":
        state["features.norm0.num_batches_tracked"] = torch.tensor(1)
    elif case == "twice":
        state[layer.replace("norm.2", "norm2")] = state[layer]
    return state


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("missing", "1 missing: features.denseblock2.denselayer3.layers.norm2.bias"),
        ("left over", "1 left over: features.norm6.weight"),
        ("shape", r"1 of another shape: features.conv0.weight \(64, 1, 7, 7\) instead of \(64, 3, 7, 7\)"),
        ("counter", "120 missing: .*num_batches_tracked"),
        ("twice", "norm.2.bias and .*norm2.bias are the same tensor twice"),
    ],
)
def test_a_checkpoint_that_does_not_fit_names_the_tensor_and_changes_nothing(
    case, said, tmp_path, model
) -> None:
    before = model.weights_hash()
    torch.save({"state_dict": changed(published_state(8), case)}, tmp_path / "bad.pth")
    with pytest.raises(UserError, match=said):
        model.load_checkpoint(tmp_path / "bad.pth")
    assert model.weights_hash() == before


class Payload:
    """An object whose unpickling would run code."""

    def __reduce__(self):
        return (print, ("unpickled",))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read as a torch checkpoint"),
        (b"PK\x03\x04 not a zip", "cannot be read as a torch checkpoint"),
        ({"epoch": 3}, "holds no tensors"),
        ([1, 2], "holds no tensors"),
        (
            {"state_dict": {}, "extra": Payload()},
            "it holds pickled objects beside its weights, and such code is never run",
        ),
    ],
)
def test_unusable_files(content, said, tmp_path, model, capsys) -> None:
    path = tmp_path / "file.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(UserError, match=said) as caught:
        model.load_checkpoint(path)
    # torch's own text tells how to switch the safety off.
    assert "weights_only" not in str(caught.value) and "options" not in str(caught.value)
    assert "unpickled" not in capsys.readouterr().out


def test_missing_and_broken_safetensors(tmp_path, model) -> None:
    with pytest.raises(UserError, match="no such file"):
        model.load_checkpoint(tmp_path / "none.pth")
    (tmp_path / "bad.safetensors").write_bytes(b"1234")
    with pytest.raises(UserError, match="cannot be read as safetensors"):
        model.load_checkpoint(tmp_path / "bad.safetensors")


def test_other_labels_need_a_new_head(tmp_path) -> None:
    state = published_state(1, classes=1000)
    torch.save(state, tmp_path / "imagenet.pth")
    options: Any = {"labels": ["a", "b"], "image_size": 64, "crop": "none"}
    with pytest.raises(UserError, match=r"2 of another shape: class_layers.out.weight .*--new-head"):
        CheXNet.from_checkpoint(tmp_path / "imagenet.pth", **options)
    model = CheXNet.from_checkpoint(tmp_path / "imagenet.pth", new_head=True, **options)
    assert torch.equal(model.network.state_dict()["features.conv0.weight"], state["features.conv0.weight"])
    assert model.eval()(torch.rand(1, 1, 64, 64)).shape == (1, 2)


def test_crops_see_what_they_say(tmp_path, model) -> None:
    generator = torch.Generator().manual_seed(2)
    torch.save(published_state(2), tmp_path / "w.pth")
    images = torch.rand(1, 1, 64, 64, generator=generator)
    with torch.no_grad():
        center = CheXNet.from_checkpoint(tmp_path / "w.pth", image_size=64).eval()
        assert (center.field, center.image_size) == (56, 64)
        model.load_checkpoint(tmp_path / "w.pth")
        inner = model.network(normalised(images[..., 4:60, 4:60]))
        assert torch.allclose(center(images), inner, atol=1e-5)
        # The published test: ten crops, their probabilities averaged.
        ten = CheXNet.from_checkpoint(tmp_path / "w.pth", image_size=64, crop="ten").eval()
        windows = [images[..., y : y + 56, x : x + 56] for y in (0, 8) for x in (0, 8)]
        windows.append(images[..., 4:60, 4:60])
        windows += [window.flip(-1) for window in windows]
        crops = torch.cat([model.network(normalised(window)).sigmoid() for window in windows])
        assert torch.allclose(ten.scores(images)[0], crops.mean(0), atol=1e-5)


def test_defaults_are_chexnets() -> None:
    model = build("chexnet")
    assert model.labels == CHESTXRAY14_LABELS
    assert CHESTXRAY14_LABELS[::13] == ("Atelectasis", "Hernia")
    assert (model.image_size, model.field, model.multi_label) == (256, 224, True)
    assert sum(value.numel() for value in model.parameters()) == 6_968_206


def test_save_and_load_keep_every_output(tmp_path, images) -> None:
    model = build("chexnet", labels=["Mass", "Edema", "Hernia"], image_size=64, seed=4).eval()
    model.save(tmp_path / "m")
    loaded = load_classifier(tmp_path / "m", device="cpu")
    assert loaded.config() == model.config()
    with torch.no_grad():
        assert torch.equal(loaded(images), model(images))


def test_resize_matches_pillow() -> None:
    from PIL import Image

    pixels = np.random.default_rng(0).random((300, 200)).astype(np.float32)
    ours = pre.resize_shorter(torch.from_numpy(pixels)[None, None], 64)
    theirs = Image.fromarray(pixels).resize((64, 96), Image.Resampling.BILINEAR)
    assert np.abs(ours[0, 0].numpy() - np.asarray(theirs)).max() < 1e-4


def test_what_is_seen_is_the_share_of_the_crop():
    assert CheXNet(["A", "B"], image_size=64).seen == 56 / 64
    assert CheXNet(["A", "B"], image_size=64, crop="none").seen == 1
