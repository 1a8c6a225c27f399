from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from cxrneighbors.classifiers.registry import build
from cxrneighbors.errors import UserError


@pytest.fixture(scope="module")
def published():
    """State dict in the layout of the hub: prefix and a classifier of 1001 classes."""
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    with torch.random.fork_rng():
        torch.manual_seed(5)
        return MobileNetV2ForImageClassification(MobileNetV2Config(num_labels=1001)).eval()


def test_a_published_file_gives_the_published_networks_maps(published, tmp_path) -> None:
    torch.set_num_threads(1)
    save_file(published.state_dict(), tmp_path / "model.safetensors")
    model = build("mobilenetv2", 4, image_size=64).eval()
    head = model.head[0].weight.clone()
    model.load_checkpoint(tmp_path / "model.safetensors")
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        expected = published.mobilenet_v2(images * 2 - 1).last_hidden_state
        found = model.backbone(model.prepared(images)).last_hidden_state
    torch.testing.assert_close(found, expected)
    assert torch.equal(model.head[0].weight, head)


def test_a_file_that_does_not_fit_is_refused(published, tmp_path) -> None:
    state = dict(published.state_dict())
    del state["mobilenet_v2.conv_stem.first_conv.convolution.weight"]
    torch.save(state, tmp_path / "model.bin")
    with pytest.raises(UserError, match=r"1 missing: conv_stem.first_conv.convolution.weight"):
        build("mobilenetv2", 4, image_size=64).load_checkpoint(tmp_path / "model.bin")


def test_nothing_is_fetched_for_a_path(monkeypatch, tmp_path) -> None:
    from cxrneighbors.classifiers import backbone_weights

    fetched = []
    monkeypatch.setattr(backbone_weights, "_fetch", lambda name: fetched.append(name) or tmp_path / "gone")
    model = build("mobilenetv2", 4, image_size=64)
    for path in (tmp_path / "none.safetensors", "weights/none.pt"):
        with pytest.raises(UserError, match=r"no such file; give a .safetensors or torch file, or the name"):
            model.load_checkpoint(path)
    assert not fetched
    with pytest.raises(UserError, match="no such file"):
        model.load_checkpoint("google/mobilenet_v2_1.0_224")
    assert fetched == ["google/mobilenet_v2_1.0_224"]


def test_a_model_that_cannot_be_fetched_is_named(monkeypatch) -> None:
    import huggingface_hub

    def offline(*arguments):
        raise OSError("offline")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", offline)
    with pytest.raises(UserError, match=r"nobody/nothing: neither a file .* \(offline\); give a file"):
        build("mobilenetv2", 4, image_size=64).load_checkpoint("nobody/nothing")


@pytest.mark.parametrize("size", [64, 63])
def test_strided_convolutions_pad_as_tensorflow(size) -> None:
    layer = build("mobilenetv2", 2, image_size=64).backbone.conv_stem.first_conv
    image = torch.rand(1, 3, size, size)
    padding = (0, 1, 0, 1) if size % 2 == 0 else (1, 1, 1, 1)
    expected = F.conv2d(F.pad(image, padding), layer.convolution.weight, stride=2)
    layer.eval()
    layer.activation = None
    with torch.no_grad():
        torch.testing.assert_close(layer(image), expected / (1 + 0.001) ** 0.5)


def test_running_statistics_follow_within_some_steps() -> None:
    model = build("mobilenetv2", 2, image_size=32)
    norms = [part for part in model.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert len(norms) == 52 and {part.momentum for part in norms} == {0.1}
