"""VAE infill: LIME's surrogate on films that are composed by hand here."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cxrneighbors.explain.films import FilmReader
from cxrneighbors.explain.rivals.explainer import RivalExplainer
from cxrneighbors.explain.rivals.vae_infill import VAEInfill

from ..conftest import LESION, grid, looks_at_lesion


def test_masked_segments_show_the_vaes_picture_of_the_masked_film(vae_index, vae, options):
    explainer = RivalExplainer(
        VAEInfill(), looks_at_lesion, vae_index, **options | {"n_masks": 50, "seed": 4}
    )
    explanation = explainer.explain("p0", target="Nodule")
    import torch

    from cxrneighbors.explain.rivals.vae_films import VAEFilms

    film = FilmReader(vae_index.studies, 48).read("p0").pixels
    masks = np.random.default_rng(4).integers(0, 2, (50, 16), dtype=np.uint8)
    films = VAEFilms.of(vae, torch.from_numpy(film[None]), "x")
    x, y = [np.ones(16)], [float(looks_at_lesion(film[None])[0, 0])]
    for mask in masks:
        kept = mask[grid(film)] == 1
        with torch.no_grad():
            masked = torch.from_numpy(np.where(kept, film, 0.5).astype(np.float32)[None])
            painted = films.films(films.latents(masked))[0].numpy()
        x.append(mask)
        y.append(float(looks_at_lesion(np.where(kept, film, painted)[None])[0, 0]))
    x = np.array(x, dtype=float)
    pi = np.sqrt(np.exp(-((1 - np.sqrt(x.mean(1))) ** 2) / 0.25**2))
    expected = Ridge(alpha=1.0).fit(x, y, sample_weight=pi).coef_
    assert explanation.weights == pytest.approx(expected, abs=1e-4)
    assert explanation.settings["classifier_calls"] == 51 and explanation.weights.argmax() == LESION
