"""Latent Shift with a VAE on twelve films whose lesion is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cxrneighbors.errors import UserError
from cxrneighbors.explain.rivals.explainer import RivalExplainer
from cxrneighbors.explain.rivals.latent_shift import LatentShift


class Cell(nn.Module):
    """A logit of the lesion's cell, rows 12..23 and columns 24..35 of 48 x 48."""

    def forward(self, images):
        logit = 12 * (images[:, 0, 12:24, 24:36].mean((1, 2)) - 0.6)
        return torch.stack([logit, -logit], 1)


def explain(vae_index, options, rival, **more):
    given = {**options, "n_masks": 40, "activation": "sigmoid", **more}
    return RivalExplainer(rival, Cell(), vae_index, **given).explain("p0", target="Nodule")


@pytest.mark.parametrize("residual", [False, True])
def test_the_map_has_no_sign_and_the_calls_are_counted(vae_index, options, residual):
    explanation = explain(vae_index, options, LatentShift(residual=residual))
    heat = explanation.heatmap()
    assert heat.shape == (48, 48) and heat.min() >= 0 and heat.max() > 0
    assert 5 <= explanation.settings["classifier_calls"] <= 41
    assert explanation.settings["rival"] == {"residual": residual, "fall": 0.8, "step": 0.5}


def test_it_is_the_mean_change_between_frames_of_the_sweep(vae_index, vae, options):
    """With one step allowed the shift is `step` against the score's gradient, cut at ten frames."""
    from cxrneighbors.explain.films import FilmReader
    from cxrneighbors.explain.rivals.vae_films import VAEFilms

    explanation = explain(vae_index, options, LatentShift(step=0.2), n_masks=5)
    pixels = torch.from_numpy(FilmReader(vae_index.studies, 48).read("p0").pixels[None])
    films = VAEFilms.of(vae, pixels, "x")
    latent = films.latents(pixels).detach().requires_grad_()
    score = Cell()(films.films(latent))[:, 0].sigmoid()
    (gradient,) = torch.autograd.grad(score.sum(), latent)
    unit = gradient / gradient.norm()
    with torch.no_grad():
        assert Cell()(films.films(latent - 0.2 * unit))[0, 0] < Cell()(films.films(latent))[0, 0]
        frames = torch.cat([films.films(latent - a * unit) for a in np.linspace(0, 0.2, 10)])
    expected = (frames[1:] - frames[:-1]).abs().mean(0)[0].numpy()
    assert explanation.heatmap() == pytest.approx(expected, abs=1e-6)


def test_bad_options(ask):
    for options, message in (({"fall": 1.0}, "fall is 1.0"), ({"step": 0.0}, "step is 0.0")):
        with pytest.raises(UserError, match=message):
            LatentShift(**options)
    with pytest.raises(UserError, match="calls is 4; give at least 5"):
        LatentShift().attribute(ask(calls=4))
