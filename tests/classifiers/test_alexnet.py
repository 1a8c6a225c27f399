from __future__ import annotations

import pytest
import torch

from cxrneighbors.classifiers.alexnet import map_side
from cxrneighbors.classifiers.registry import build


def test_sizes_of_the_paper() -> None:
    with torch.device("meta"):
        model = build("alexnet", 4)
        assert model.convolutions(torch.zeros(1, 3, 250, 250)).shape == (1, 256, 3, 3)
    convolutions = [part for part in model.convolutions if isinstance(part, torch.nn.Conv2d)]
    counts = [sum(value.numel() for value in part.parameters()) for part in convolutions]
    assert counts == [34_944, 614_656, 885_120, 1_327_488, 884_992]
    assert [(part.kernel_size[0], part.stride[0], part.padding[0]) for part in convolutions] == [
        (11, 4, 0),
        (5, 1, 0),
        (3, 1, 0),
        (3, 1, 0),
        (3, 1, 0),
    ]
    assert [part.out_features for part in model.head if isinstance(part, torch.nn.Linear)] == [4096, 4096, 4]


@pytest.mark.parametrize("size", [50, 64, 88, 89, 96, 128, 166, 167, 224, 250])
def test_the_stride_is_the_largest_that_leaves_a_map(size) -> None:
    with torch.device("meta"):
        model = build("alexnet", 2, image_size=size)
        side = model.convolutions(torch.zeros(1, 3, size, size)).shape[-1]
    assert side == map_side(size, model.stride) >= 1
    assert model.stride == 4 or map_side(size, 2 * model.stride) < 1
