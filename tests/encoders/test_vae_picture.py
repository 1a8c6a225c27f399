"""What a VAE is shown of a film, and what it has to paint."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from cxrneighbors.encoders.vae import VAE
from cxrneighbors.encoders.vae_picture import (
    LEAST_CONTRAST,
    NEIGHBOURHOOD,
    Picture,
    against_surroundings,
)
from cxrneighbors.errors import UserError
from cxrneighbors.training.exposure import standardise


def smoothed(image: np.ndarray) -> np.ndarray:
    """Gaussian weights over the pixels that there are, by scipy."""
    kernel = np.exp(-((np.arange(-40, 41) / (NEIGHBOURHOOD * len(image))) ** 2) / 2)
    for axis in (0, 1):
        weights = correlate1d(np.ones_like(image), kernel, axis, mode="constant")
        image = correlate1d(image, kernel, axis, mode="constant") / weights
    return image


def test_a_pixel_against_its_surroundings_by_scipy() -> None:
    image = np.random.default_rng(0).normal(size=(20, 20))
    above = image - smoothed(image)
    local = above / (np.sqrt(smoothed(above**2)) + LEAST_CONTRAST)
    expected = np.clip((local - local.mean()) / local.std(), -4, 4)
    found = against_surroundings(torch.from_numpy(image).float()[None, None])[0, 0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_fine_line_weighs_more_against_its_surroundings() -> None:
    """Half of the film being bright counts less there, beside the lines, than in the film."""
    image = np.zeros((32, 32), np.float32)
    image[:, 16:] = 3.0
    image[:, [6, 26]] += 0.5
    local = against_surroundings(torch.from_numpy(image)[None, None])[0, 0].numpy()
    lines = local[16, [6, 26]] - local[16, [4, 28]]
    assert lines.min() > 0.5
    assert abs(local[16, 28] - local[16, 4]) / lines.min() < 0.7 * abs(image[16, 28] - image[16, 4]) / 0.5


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
@pytest.mark.parametrize("local", [True, False])
def test_the_decoder_paints_pictures_of_the_encoder_s_shape(
    stride: int, local: bool, films: Callable[..., np.ndarray]
) -> None:
    vae = VAE(latent_dim=3, image_size=32, width=4, stride=stride, local=local, device="cpu")
    images = torch.from_numpy(films(2, 32))
    pictures = vae.network.pictures(images)
    with torch.no_grad():
        painted = vae.network.decode(vae.network.means(images))
    assert painted.shape == (2, 1 + local, 32 // stride, 32 // stride)
    assert painted.flatten(1).shape == pictures.shape
    first = pictures.reshape(painted.shape)[:, 0]
    torch.testing.assert_close(first, torch.nn.functional.avg_pool2d(standardise(images), stride)[:, 0])
    assert vae.reconstruct(images.numpy()).shape == (2, 1, 32, 32)


def test_exposure_is_kept_where_it_is_asked_for(films: Callable[..., np.ndarray]) -> None:
    images = films(40, 32)
    options = {"latent_dim": 4, "image_size": 32, "width": 4, "device": "cpu"}
    moved = {}
    for exposure in ("standardised", "kept"):
        vae = VAE(**options, exposure=exposure).fit(images, epochs=1, batch_size=16)
        moved[exposure] = np.abs(vae.encode(0.5 * images) - vae.encode(images)).max()
    assert moved["standardised"] < 1e-3 < 0.1 < moved["kept"]


def test_a_larger_beta_starts_with_codes_that_hold_less(films: Callable[..., np.ndarray]) -> None:
    from cxrneighbors.encoders.vae_network import VAENetwork, start_from_ppca

    rng = np.random.default_rng(0)
    images = torch.from_numpy((films(80, 32) + rng.normal(0, 0.1, (80, 1, 32, 32))).astype(np.float32))
    spread = []
    for beta in (1.0, 8.0):
        network = VAENetwork(6, 32, 4, Picture()).eval()
        start_from_ppca(network, network.pictures(images), beta)
        with torch.no_grad():
            spread.append(network.means(images).var(0))
    assert (spread[1] <= spread[0] + 1e-4).all() and spread[1].sum() < 0.9 * spread[0].sum()


def test_wrong_choices_are_named() -> None:
    with pytest.raises(UserError, match="VAE stride 3: must be one of 1, 2, 4, 8"):
        VAE(stride=3)
    with pytest.raises(UserError, match="VAE exposure"):
        VAE(exposure="bright")
