"""Views of films: what changes between two of them, and what may not."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import map_coordinates

from cxrneighbors.training import views
from cxrneighbors.training.views import central_views, random_views


def test_views_are_drawn_from_their_generator() -> None:
    films = torch.rand(4, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    first = random_views(films, 32, np.random.default_rng(1))
    assert first.shape == (4, 1, 32, 32) and first.dtype == torch.float32
    assert torch.equal(first, random_views(films, 32, np.random.default_rng(1)))
    assert not torch.equal(first, random_views(films, 32, np.random.default_rng(2)))


def test_crops_take_the_area_they_are_said_to_and_never_mirror() -> None:
    theta = views._random_crops(4000, 0.9, np.random.default_rng(0)).astype(float)
    area = np.linalg.det(theta[:, :, :2]) / 0.9**2  # positive: no crop is a mirror image
    assert 0.4 <= area.min() < 0.41 and 0.99 < area.max() <= 1 + 1e-6
    assert abs(area.mean() - 0.7) < 0.01
    angle = np.degrees(np.arctan2(theta[:, 1, 0], theta[:, 0, 0]))
    assert 11.5 < angle.max() <= 12 and -12 <= angle.min() < -11.5
    width, height = (np.linalg.norm(theta[:, :, column], axis=0 if column > 1 else 1) for column in (0, 1))
    stretch = np.log(width / height)
    assert 0.19 < stretch.max() <= 0.2 + 1e-6 and abs(stretch.mean()) < 0.01
    # Upright crops stay within the frame, but for the least shift.
    assert (np.abs(theta[:, :, 2]) <= np.maximum(0.9 - np.stack([width, height], 1), 0.03) + 1e-6).all()


def test_left_stays_left_in_every_view() -> None:
    ramp = torch.linspace(1, 0, 64).expand(1, 1, 64, 64).repeat(300, 1, 1, 1)
    seen = random_views(ramp, 48, np.random.default_rng(0))
    assert (seen[..., :24].mean((1, 2, 3)) > seen[..., 24:].mean((1, 2, 3)) + 0.5).all()


def test_greys_are_bent_scaled_shifted_and_noisy_within_their_bounds() -> None:
    ramp = torch.linspace(0, 1, 64).expand(1, 1, 64, 64).repeat(300, 1, 1, 1)
    seen = random_views(ramp, 48, np.random.default_rng(0))
    means, spreads = seen.mean((1, 2, 3)), seen.std((1, 2, 3))
    assert -0.33 < means.min() < -0.25 and 0.25 < means.max() < 0.33
    assert 0.95 * np.exp(-0.3) < spreads.min() < 0.8 and 1.25 < spreads.max() < 1.05 * np.exp(0.3)
    flat = random_views(torch.zeros(8, 1, 32, 32), 32, np.random.default_rng(0))
    assert torch.isfinite(flat).all() and 0.04 < flat.std((1, 2, 3)).mean() < 0.06  # noise alone


def test_the_central_view_is_the_resampled_centre_whatever_the_exposure() -> None:
    films = torch.rand(2, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    seen = central_views(films, 32, 0.8)
    steps = (np.arange(32) + 0.5) / 32 * 0.8 + 0.1  # centres of pixels, as shares of the film
    grid = np.stack(np.meshgrid(steps, steps, indexing="ij")) * 40 - 0.5
    expected = map_coordinates(films[0, 0].numpy(), grid, order=1, mode="reflect")
    expected = (expected - expected.mean()) / expected.std()
    np.testing.assert_allclose(seen[0, 0].numpy(), expected.clip(-3, 3), atol=1e-3)
    torch.testing.assert_close(central_views(0.4 * films + 0.3, 32, 0.8), seen, atol=1e-3, rtol=0)
    assert torch.equal(central_views(torch.ones(1, 1, 8, 8), 8), torch.zeros(1, 1, 8, 8))
