from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.errors import UserError
from cxrneighbors.explain.alime import ALime
from cxrneighbors.explain.certificate import StabilityRule
from cxrneighbors.explain.lime_image import Lime


class Spy(PixelEncoder):
    """Keeps what it encodes."""

    def __init__(self):
        super().__init__(16)
        self.images = []

    def encode(self, images):
        self.images.append(images.copy())
        return super().encode(images)


def test_weights_are_lime_on_the_same_films_with_latent_distances(world, options):
    films = []

    def model(images):
        films.extend(images.copy())
        return images.mean((2, 3)) ** 2 * np.ones((1, 2)) + images[:, :, 12:24, 24:36].mean((2, 3)) ** 3

    explanation = ALime(model, world.index, **options).explain("p0", "Nodule")
    latents = PixelEncoder(16).encode(np.array([_small(film) for film in films]))
    distance = np.linalg.norm(latents - latents[0], axis=1)
    kernel = np.sqrt(np.exp(-((distance / np.median(distance[1:])) ** 2)))
    kept = [[(film[0][explanation.segments == s] != 0.5).any() for s in range(16)] for film in films]
    scores = [np.mean(film) ** 2 + film[0, 12:24, 24:36].mean() ** 3 for film in films]
    ridge = Ridge(alpha=1).fit(np.array(kept, int), scores, sample_weight=kernel)
    assert explanation.weights == pytest.approx(ridge.coef_, abs=1e-4)
    lime = Lime(model, world.index, **options).explain("p0", "Nodule")
    assert not np.allclose(explanation.weights, lime.weights, atol=1e-4)


def _small(film):
    """Area mean of 48 x 48 to 16 x 16: (1, 48, 48) -> (1, 16, 16)."""
    return film.reshape(1, 16, 3, 16, 3).mean((2, 4)).astype(np.float32)


def test_the_indexs_encoder_is_used_or_a_given_one(world, model, options):
    explainer = ALime(model, world.index, **options)
    assert explainer.locality.encoder.name == "pixels" and explainer.locality.encoder.image_size == 16
    spy = Spy()
    explanation = ALime(model, encoder=spy, **options).explain(world.folder / "p0.png", "Nodule")
    assert sum(len(batch) for batch in spy.images) == 61 + 1
    assert explanation.settings["encoder"] == "pixels"
    assert explanation.settings["classifier_calls"] == 61


def test_an_encoder_that_sees_no_difference_weighs_all_masks_alike(world, model, options):
    class Blind(PixelEncoder):
        def encode(self, images):
            return np.zeros((len(images), 3), np.float32)

    blind = ALime(model, world.index, encoder=Blind(), **options)
    assert (blind.locality.weights(np.zeros(5)) == 1).all()
    assert blind.explain("p0", "Nodule").order()[0] == 6


def test_a_pool_is_drawn_once_and_its_nearest_masks_are_scored(world, options):
    """By hand: the pool's films encoded one by one, the 60 nearest and the unmasked film fitted."""
    films = []

    def model(images):
        films.extend(images.copy())
        return images.mean((2, 3)) ** 2 * np.ones((1, 2)) + images[:, :, 12:24, 24:36].mean((2, 3)) ** 3

    explainers = [ALime(model, world.index, seed=seed, pool=300, **options) for seed in (0, 9)]
    explanation = explainers[0].explain("p0", "Nodule")
    assert len(films) == 61 and explanation.settings["pool"] == 300 and explanation.seed is None
    own, segments = explanation.image, explanation.segments
    pool = np.random.default_rng([300, 16]).integers(0, 2, (300, 16), dtype=np.uint8)
    composed = np.array([np.where(mask[segments] == 1, own, np.float32(0.5)) for mask in pool])
    encoder = PixelEncoder(16)
    origin = encoder.encode(_small(own)[None])
    distance = np.linalg.norm(encoder.encode(np.array([_small(film) for film in composed])) - origin, axis=1)
    nearest = np.argsort(distance, kind="stable")[:60]
    assert np.abs(np.array(films[1:]) - composed[nearest]).max() < 1e-6
    again = explainers[1].explain("p0", "Nodule")
    assert (again.weights == explanation.weights).all() and again.settings == explanation.settings
    farther = np.delete(distance, nearest)
    assert distance[nearest].max() <= farther.min()


def test_rounds_of_a_pool_go_farther_out(world, model, options):
    rule = StabilityRule(0.001, top=16, max_rounds=2, n_bootstrap=20)
    options["stability"] = rule
    explanation = ALime(model, world.index, pool=120, **options).explain("p0", "Nodule")
    assert explanation.settings["stability"]["rounds"] == 2
    assert explanation.settings["classifier_calls"] == 121 and explanation.order()[0] == 6
    with pytest.raises(UserError, match="pool 119: 120 masks may be taken from it"):
        ALime(model, world.index, pool=119, **options)


def test_no_encoder(world, model, options):
    from cxrneighbors.encoders.store import Embeddings
    from cxrneighbors.index.neighbor_index import NeighborIndex

    with pytest.raises(UserError, match="needs an image encoder"):
        ALime(model, **options)
    embeddings = Embeddings.from_arrays(list(world.studies["image_id"]), image=world.index.vectors["image"])
    index = NeighborIndex.build(embeddings, world.studies, backend="exact")
    with pytest.raises(UserError, match=r"without an encoder|none is stored"):
        ALime(model, index, **options)
