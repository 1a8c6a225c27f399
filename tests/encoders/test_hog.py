from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from skimage.feature import hog

from cxrneighbors.encoders.exposure import flat_standardised
from cxrneighbors.encoders.hog import HOGEncoder
from cxrneighbors.errors import UserError

Films = Callable[..., np.ndarray]


def test_distances_are_those_of_an_exact_svd_of_the_histograms(films: Films):
    images = films(30, 32)
    encoder = HOGEncoder(dim=4, image_size=32, crop=0.5, cell=4, orientations=6).fit(images)
    pictures = flat_standardised(images[:, :, 8:24, 8:24], 16).reshape(30, 16, 16)
    described = np.stack([hog(each, 6, (4, 4), (2, 2)) for each in pictures]).astype(np.float64)
    described -= described.mean(0)
    u, s, _ = np.linalg.svd(described, full_matrices=False)
    scores, found = u[:, :4] * s[:4], encoder.encode(images)
    expected = np.linalg.norm(scores[:, None] - scores[None], axis=-1)
    np.testing.assert_allclose(
        np.linalg.norm(found[:, None] - found[None], axis=-1), expected, rtol=0.01, atol=0.01
    )
    assert found.dtype == np.float32 and found.shape == (30, 4)


def test_edges_of_another_direction_are_far_and_exposure_is_not():
    y, x = np.mgrid[0:32, 0:32] / 32
    stripes = [np.sin(20 * (np.cos(angle) * x + np.sin(angle) * y)) for angle in (0.05, 0.15, 1.5)]
    images = 0.5 + 0.4 * np.stack(stripes)[:, None].astype(np.float32)
    encoder = HOGEncoder(dim=2, image_size=32, crop=1.0).fit(images)
    a, b, c = encoder.encode(images)
    assert np.linalg.norm(a - c) > 3 * np.linalg.norm(a - b)
    np.testing.assert_allclose(encoder.encode(0.5 * images + 0.2), encoder.encode(images), atol=1e-3)


def test_save_and_load_give_the_same_bits(tmp_path: Path, films: Films):
    encoder = HOGEncoder(dim=3, image_size=32, whiten=0.5).fit(films(12, 32))
    encoder.save(tmp_path)
    back = HOGEncoder.load(tmp_path)
    assert back.config() == encoder.config() and back.weights_hash() == encoder.weights_hash() != ""
    assert np.array_equal(back.encode(films(5, 32, seed=1)), encoder.encode(films(5, 32, seed=1)))
    assert back.encode(np.zeros((0, 1, 32, 32))).shape == (0, 3)


def test_a_picture_too_small_for_its_cells_is_a_mistake_in_one_line(films: Films):
    with pytest.raises(UserError, match=r"cells of 8 pixels: 0\.75 of 16 pixels must hold 2"):
        HOGEncoder(image_size=16)
    with pytest.raises(UserError, match="'hog': 0 readable images"):
        HOGEncoder().fit(films(0, 128))
