from __future__ import annotations

import numpy as np
import pytest
import torch

from cxrneighbors.training import augment
from cxrneighbors.training.augment import augment_for_classifier, augment_for_encoder, augment_strongly


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


def exposed_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GAMMA", "CONTRAST", "BRIGHTNESS"):
        monkeypatch.setattr(augment, f"STRONG_{name}", 0.0)


@pytest.mark.parametrize("flip", [False, True])
def test_strong_augmentation_cuts_out_a_turned_part_of_the_image(flip: bool, monkeypatch) -> None:
    """Films whose grey says where a pixel was: the map is found by least squares, in pixels."""
    exposed_alike(monkeypatch)
    n, height, width = 300, 40, 60
    ys, xs = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    moved = augment_strongly(torch.stack([xs, ys]).repeat(n, 1, 1, 1), np.random.default_rng(0), flip)
    inner = moved[:, :, 12:28, 18:42].flatten(2)  # no reflection comes in so far
    ones = torch.ones(inner.shape[2])
    places = torch.stack([xs[12:28, 18:42].flatten(), ys[12:28, 18:42].flatten(), ones], 1)
    solution = np.linalg.lstsq(places.numpy(), inner.flatten(0, 1).T.numpy())[0]
    found = solution.reshape(3, n, 2).transpose(1, 0, 2)
    across, down = found[:, 0], found[:, 1]  # where a step right and a step down lead
    sides = np.stack([np.hypot(*across.T), np.hypot(*down.T)])
    mirrored = np.linalg.det(found[:, :2]) < 0
    assert mirrored.any() == flip and (not flip or 0.4 < mirrored.mean() < 0.6)
    assert sides.max() < 1.001 and 0.55 < np.prod(sides, 0).min() < 0.62 and np.prod(sides, 0).max() > 0.9
    assert 1.1 < (sides[0] / sides[1]).max() < np.exp(0.151) and (sides[0] / sides[1]).min() < 0.9
    turn = np.rad2deg(np.arctan2(-down[:, 0], down[:, 1]))
    assert 11 < np.abs(turn).max() < 12.01
    centre = (np.array([width, height]) / 2) @ found[:, :2] + found[:, 2]
    off = np.abs(centre / [width, height] - 0.5) * 2
    assert (off < np.maximum(1 - sides.T, 0.03) + 1e-3).all() and off.max() > 0.1


def test_strong_augmentation_bends_and_scales_grey_within_its_bounds() -> None:
    """Three bands, black, grey and white: the greys that come out tell gamma, contrast and brightness."""
    films = torch.zeros(300, 1, 45, 45)
    films[..., 15:30], films[..., 30:] = 0.5, 1.0
    out = augment_strongly(films, np.random.default_rng(1)).flatten(1).numpy()
    assert np.array_equal(out, augment_strongly(films, np.random.default_rng(1)).flatten(1).numpy())
    black, grey, white = out.min(1), np.median(out, 1), out.max(1)
    contrast = white - black
    gamma = np.log((grey - black) / contrast) / np.log(0.5)
    bent = (out - black[:, None]) / contrast[:, None]
    brightness = (out.mean(1) - bent.mean(1)) / bent.std(1)
    for values, bound in ((np.log(contrast), 0.3), (np.log(gamma), 0.4), (brightness, 0.3)):
        assert 0.95 * bound < np.abs(values).max() < 1.01 * bound and abs(values.mean()) < 0.15 * bound


def test_strong_augmentation_of_a_single_grey_stays_finite() -> None:
    grey = torch.full((2, 1, 8, 8), 0.5)
    torch.testing.assert_close(augment_strongly(grey, np.random.default_rng(0)), grey)
