"""Penultimate activations: every classifier gives them, and its logits are their last layer's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cxrneighbors.classifiers.chexnet import CheXNet
from cxrneighbors.classifiers.registry import MODELS, build

SMALL = {"chexnet": 64, "small-cnn": 32, "cnn-lstm": 24, "alexnet": 50}
WIDTHS = {"chexnet": 1024, "small-cnn": 256, "alexnet": 4096}
WIDTHS |= {"efficientnet-lite0": 1280, "efficientnet-lite2": 1280}


@pytest.mark.parametrize("name", MODELS)
def test_logits_are_the_last_layer_of_the_features(name: str) -> None:
    model = build(name, 3, image_size=SMALL.get(name, 32)).eval()
    last = [part for part in model.modules() if isinstance(part, nn.Linear)][-1]
    images = torch.rand(2, 1, 60, 70)
    with torch.no_grad():
        nn.init.normal_(last.weight)  # some start at 0
        features = model.features(images)
        torch.testing.assert_close(last(features), model(images))
    assert features.shape == (2, WIDTHS.get(name, 128))


def test_ten_crops_average_their_features() -> None:
    ten = build("chexnet", image_size=64, crop="ten").eval()
    center = CheXNet(image_size=64, crop="center").eval()
    center.load_state_dict(ten.state_dict())
    images = torch.rand(1, 1, 64, 64)
    corners = [(0, 0), (0, 8), (8, 0), (8, 8), (4, 4)]
    crops = [images[..., top : top + 56, left : left + 56] for top, left in corners]
    fields = torch.cat([field for crop in crops for field in (crop, crop.flip(-1))])
    whole = CheXNet(image_size=56, crop="none").eval()
    whole.load_state_dict(ten.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(ten.features(images), whole.features(fields).mean(0, keepdim=True))
        torch.testing.assert_close(center.features(images), whole.features(crops[-1]))
