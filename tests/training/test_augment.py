from __future__ import annotations

import numpy as np
import torch

from cxrneighbors.training.augment import augment_for_classifier, augment_for_encoder


def films(n: int) -> torch.Tensor:
    return torch.rand(n, 1, 32, 32, generator=torch.Generator().manual_seed(0))


def test_encoder_augmentation_keeps_range_and_is_drawn_from_its_generator() -> None:
    images = films(4)
    first = augment_for_encoder(images, torch.Generator().manual_seed(0))
    assert first.shape == images.shape and first.min() >= 0 and first.max() <= 1
    assert torch.equal(first, augment_for_encoder(images, torch.Generator().manual_seed(0)))
    assert not torch.equal(first, augment_for_encoder(images, torch.Generator().manual_seed(1)))
    assert 0.001 < (first - images).abs().mean() < 0.3


def test_classifier_augmentation_is_small_and_reproducible() -> None:
    images = torch.zeros(64, 1, 32, 48)
    images[:, :, 12:20, 8:16] = 1.0
    moved = augment_for_classifier(images, np.random.default_rng(3))
    assert torch.equal(moved, augment_for_classifier(images, np.random.default_rng(3)))
    assert moved.shape == images.shape and moved.min() >= 0 and moved.max() <= 1
    # The bright square stays within the largest shift of where it was, and moves.
    columns = (moved * torch.arange(48.0)).sum((1, 2, 3)) / moved.sum((1, 2, 3))
    bright = (moved > 0.6).float()
    centre = (bright * torch.arange(48.0)).sum((1, 2, 3)) / bright.sum((1, 2, 3))
    assert (centre - 11.5).abs().max() < 48 * 0.06 + 4 and columns.std() > 0.3
    flipped = augment_for_classifier(images, np.random.default_rng(3), flip=True)
    bright = (flipped > 0.6).float()
    right = (bright[..., 24:].sum((1, 2, 3)) > bright[..., :24].sum((1, 2, 3))).float().mean()
    assert 0.3 < right < 0.7
