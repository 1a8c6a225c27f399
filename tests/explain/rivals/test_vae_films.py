"""Films from latents: in the exposure of the film, its borders kept, differentiable."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.errors import UserError
from cxrneighbors.explain.rivals.vae_films import VAEFilms


@pytest.fixture
def film(world):
    from cxrneighbors.data.pixels import load_images

    return torch.from_numpy(load_images([world.studies["path"][3]], 32, "pad")[0])


def test_latents_are_the_encoders(vae, film):
    films = VAEFilms.of(vae, film, "x")
    assert films.latents(film)[0].detach().numpy() == pytest.approx(vae.encode(film.numpy())[0], abs=1e-4)


def test_painted_films_have_the_films_own_exposure(vae, film):
    """A darker film with less contrast is painted darker, with less contrast, and otherwise the same."""
    pictures = []
    for like in (film, 0.5 * film + 0.1):
        films = VAEFilms.of(vae, like, "x")
        pictures.append(films.films(films.latents(like)).detach().numpy())
    assert pictures[1] == pytest.approx(0.5 * pictures[0] + 0.1, abs=2e-3)
    assert np.corrcoef(pictures[0].ravel(), film.numpy().ravel())[0, 1] > 0.8


def test_borders_stay_and_larger_films_keep_their_size(vae, film):
    large = torch.zeros(1, 3, 64, 64)
    large[..., 8:56, :] = torch.nn.functional.interpolate(film, (48, 64)).expand(-1, 3, -1, -1)
    films = VAEFilms.of(vae, large, "x")
    painted = films.films(films.latents(large))
    assert painted.shape == large.shape and not painted[..., :8, :].any() and not painted[..., 56:, :].any()


def test_films_can_be_differentiated(vae, film):
    films = VAEFilms.of(vae, film, "x")
    latent = films.latents(film).detach().requires_grad_()
    films.films(latent).sum().backward()
    assert latent.grad.abs().sum() > 0


def test_another_encoder_is_refused(film):
    with pytest.raises(UserError, match="method 'x': needs an index encoded by a VAE, this one was by"):
        VAEFilms.of(PixelEncoder(16), film, "x")
