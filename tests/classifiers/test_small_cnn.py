from __future__ import annotations

import torch

from cxrneighbors.classifiers.small_cnn import ResidualBlock, SmallCNN


def test_a_block_halves_the_map_and_widens_it() -> None:
    block = ResidualBlock(3, 5).eval()
    assert block(torch.rand(2, 3, 9, 8)).shape == (2, 5, 5, 4)


def test_masking_one_corner_leaves_the_grey_levels_of_the_rest() -> None:
    model = SmallCNN(["a"], image_size=64, width=4).eval()
    seen: list[torch.Tensor] = []
    model.stem.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    images = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    masked = images.clone()
    masked[..., :16, :16] = 0.5
    with torch.no_grad():
        model(images)
        model(masked)
    assert torch.equal(seen[0][..., 16:, :], seen[1][..., 16:, :]) and not torch.equal(seen[0], seen[1])


def test_its_settings_are_its_arguments() -> None:
    model = SmallCNN(("a", "b"), image_size=32, multi_label=False, width=4, dropout=0.1)
    config = {"labels": ["a", "b"], "image_size": 32, "multi_label": False, "width": 4, "dropout": 0.1}
    assert model.config() == config and SmallCNN(**config).config() == config
