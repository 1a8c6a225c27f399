from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.encoders.exposure import flat_standardised
from cxrneighbors.encoders.pca import PCAEncoder
from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.errors import UserError

Films = Callable[..., np.ndarray]


@pytest.mark.parametrize("whiten", [0.0, 0.5, 1.0])
def test_distances_are_those_of_an_exact_svd(whiten: float, films: Films):
    images = films(40, 16)
    encoder = PCAEncoder(dim=5, image_size=8, whiten=whiten).fit(images)
    flat = flat_standardised(images, 8).astype(np.float64)
    flat -= flat.mean(0)
    u, s, _ = np.linalg.svd(flat, full_matrices=False)
    scores = u[:, :5] * s[:5] / (s[:5] / np.sqrt(39)) ** whiten
    found = encoder.encode(images)

    def distances(x: np.ndarray) -> np.ndarray:
        return np.linalg.norm(x[:, None] - x[None], axis=-1)

    np.testing.assert_allclose(distances(found), distances(scores), rtol=1e-3, atol=1e-3)
    assert found.dtype == np.float32 and found.shape == (40, 5)


def test_name_and_length(films: Films):
    assert PCAEncoder().name == "pca" and PCAEncoder(whiten=1).name == "pca-whitened"
    assert PCAEncoder(whiten=0.5, crop=0.75).name == "pca-centre"
    assert PCAEncoder().dim == 60
    few = PCAEncoder(image_size=8).fit(films(7, 8))
    assert few.dim == 6 and few.encode(films(2, 8)).shape == (2, 6)
    assert few.encode(np.zeros((0, 1, 8, 8))).shape == (0, 6)


def test_whitening_does_not_blow_up_directions_without_variance(films: Films):
    images = np.repeat(films(2, 8), 20, axis=0)
    assert np.abs(PCAEncoder(dim=10, image_size=8, whiten=1).fit(images).encode(images)).max() < 100


def test_exposure_does_not_move_a_vector(films: Films):
    images = films(20, 16)
    encoder = PCAEncoder(dim=4, image_size=8).fit(images)
    np.testing.assert_allclose(encoder.encode(0.5 * images + 0.2), encoder.encode(images), atol=1e-3)


def test_only_the_centre_is_looked_at(films: Films):
    images = films(20, 16)
    encoder = PCAEncoder(dim=4, image_size=16, crop=0.5).fit(images)
    framed = np.random.default_rng(0).random(images.shape, np.float32)
    framed[:, :, 4:12, 4:12] = images[:, :, 4:12, 4:12]
    assert np.array_equal(encoder.encode(framed), encoder.encode(images))
    alone = PCAEncoder(dim=4, image_size=8).fit(images[:, :, 4:12, 4:12])
    np.testing.assert_allclose(encoder.encode(images), alone.encode(images[:, :, 4:12, 4:12]), atol=1e-4)


def test_save_and_load_give_the_same_bits(tmp_path: Path, films: Films):
    encoder = PCAEncoder(dim=4, image_size=8, whiten=1).fit(films(20, 8))
    encoder.save(tmp_path)
    back = PCAEncoder.load(tmp_path)
    assert back.config() == encoder.config() and back.weights_hash() == encoder.weights_hash() != ""
    assert np.array_equal(back.encode(films(5, 8, seed=1)), encoder.encode(films(5, 8, seed=1)))


def test_fits_at_most_max_fit_images(studies: pd.DataFrame):
    few = PCAEncoder(dim=3, image_size=8, max_fit=6).fit(studies)
    assert few.weights_hash() == PCAEncoder(dim=3, image_size=8, max_fit=6).fit(studies).weights_hash()
    assert few.weights_hash() != PCAEncoder(dim=3, image_size=8).fit(studies).weights_hash()


def test_without_train_rows_all_rows_are_fitted_on(studies: pd.DataFrame):
    every = PCAEncoder(dim=3, image_size=8).fit(studies.assign(split="test"))
    assert (
        every.weights_hash()
        == PCAEncoder(dim=3, image_size=8).fit(studies.assign(split="train")).weights_hash()
    )


def test_errors(tmp_path: Path, films: Films):
    with pytest.raises(UserError, match="'pca': not fitted"):
        PCAEncoder().encode(films(2, 64))
    with pytest.raises(UserError, match="nothing to save"):
        PCAEncoder().save(tmp_path)
    with pytest.raises(UserError, match="whiten=2: a power from 0"):
        PCAEncoder(whiten=2)
    with pytest.raises(UserError, match="crop=0: the central share"):
        PCAEncoder(crop=0)
    with pytest.raises(UserError, match="1 readable images"):
        PCAEncoder(image_size=8).fit(films(1, 8))


def test_changed_weights_are_refused(tmp_path: Path, films: Films):
    from safetensors.numpy import save_file

    PCAEncoder(dim=2, image_size=8).fit(films(9, 8)).save(tmp_path)
    path = tmp_path / "model.safetensors"
    names = {"mean": np.zeros(64), "components": np.zeros((2, 64)), "scale": np.ones(2)}
    save_file({name: array.astype(np.float32) for name, array in names.items()}, path)
    with pytest.raises(UserError, match=r"model\.safetensors: does not fit config\.json"):
        PCAEncoder.load(tmp_path)
    save_file({"mean": np.zeros(64, np.float32)}, path)
    with pytest.raises(UserError, match=r"holds \['mean'\], expected"):
        PCAEncoder.load(tmp_path)
    path.write_bytes(b"no")
    with pytest.raises(UserError, match="cannot be read"):
        PCAEncoder.load(tmp_path)
    path.unlink()
    with pytest.raises(UserError, match="no such file"):
        PCAEncoder.load(tmp_path)


def test_pixels_are_the_standardised_small_picture(tmp_path: Path):
    images = np.random.default_rng(0).random((3, 1, 16, 16), np.float32)
    encoder = PixelEncoder(image_size=8)
    vectors = encoder.encode(images)
    assert vectors.shape == (3, 64) == (3, encoder.dim)
    np.testing.assert_allclose(vectors.mean(1), 0, atol=1e-5)
    np.testing.assert_allclose(vectors.std(1), 1, atol=1e-2)
    encoder.save(tmp_path)
    assert np.array_equal(PixelEncoder.load(tmp_path).encode(images), vectors)
    assert encoder.weights_hash() == "" and encoder.encode(images[:0]).shape == (0, 64)
