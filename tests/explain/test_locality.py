from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.explain.batches import Batches
from cxrneighbors.explain.locality import LatentLocality, MaskLocality
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.surrogate import cosine_distance, locality


@pytest.fixture
def films():
    rng = np.random.default_rng(0)
    segments = np.arange(20)[:, None] // 7 * 3 + np.arange(20)[None] // 7
    return MaskedFilms.of_one(
        rng.random((1, 20, 20)).astype(np.float32), segments, rng.integers(0, 2, (41, 9))
    )


@pytest.mark.parametrize("size", [10, 20])
def test_latent_distances_are_those_of_the_masked_films(films, size):
    distance = LatentLocality(PixelEncoder(size)).distance(films, Batches("cpu", 6))
    shown = np.where(films.masks[:, films.segments] == 1, films.sources[0, 0], 0.5)[:, None]
    latents = PixelEncoder(size).encode(np.concatenate([films.sources, shown]).astype(np.float32))
    assert distance == pytest.approx(np.linalg.norm(latents[1:] - latents[0], axis=1), abs=1e-4)


def test_the_median_is_the_latent_kernels_width():
    distance = np.array([0.0, 1.0, 2.0, 5.0])
    weights = LatentLocality(PixelEncoder(8)).weights(distance)
    assert weights == pytest.approx(np.sqrt(np.exp(-((distance / 2) ** 2))))
    assert (LatentLocality(PixelEncoder(8)).weights(np.zeros(3)) == 1).all()


def test_an_encoder_that_runs_out_of_memory_gets_smaller_batches(films):
    class Small(PixelEncoder):
        def encode(self, images):
            if len(images) > 5:
                raise MemoryError
            return super().encode(images)

    batches = Batches("cpu")
    found = LatentLocality(Small(10)).distance(films, batches)
    assert batches.size == 4
    assert found == pytest.approx(LatentLocality(PixelEncoder(10)).distance(films, Batches("cpu")), abs=1e-6)


def test_limes_is_of_the_masks_alone(films):
    near = MaskLocality(0.4)
    distance = near.distance(films, Batches("cpu"))
    assert (distance == cosine_distance(films.masks)).all()
    assert (near.weights(distance) == locality(distance, 0.4)).all() and near.settings() == {
        "kernel_width": 0.4
    }
