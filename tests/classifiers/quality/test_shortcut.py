from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.classifiers.quality.shortcut import mask_lungs, shortcut_check


def lungs_of(images, rows=slice(20, 60)):
    lungs = np.zeros((len(images), 2, *images.shape[2:]), dtype=bool)
    lungs[:, 0, rows, 15:40], lungs[:, 1, 30:70, 60:85] = True, True
    return lungs


def test_the_box_ends_at_the_film_and_needs_lungs() -> None:
    images = np.full((1, 1, 100, 100), 0.5, np.float32)
    images[0, 0, :74, 11:89] = 1.0
    assert (mask_lungs(images, lungs_of(images, slice(2, 60))) == 0.5).all()
    with pytest.raises(ValueError, match="an image has none"):
        mask_lungs(images, np.zeros((1, 2, 100, 100), dtype=bool))


def test_masking_takes_the_mean_of_what_is_kept() -> None:
    images = np.random.default_rng(0).random((2, 1, 100, 100)).astype(np.float32)
    before = images.copy()
    box = np.zeros((100, 100), dtype=bool)
    box[16:74, 11:89] = True
    for keep, hidden in (("outside", box), ("lungs", ~box)):
        masked = mask_lungs(images, lungs_of(images), keep)
        for image, original in zip(masked[:, 0], images[:, 0], strict=True):
            np.testing.assert_array_equal(image[~hidden], original[~hidden])
            np.testing.assert_allclose(image[hidden], original[~hidden].mean(), rtol=1e-5)
    np.testing.assert_array_equal(images, before)
    with pytest.raises(ValueError, match="keep must be"):
        mask_lungs(images, lungs_of(images), "heart")


def test_known_answers() -> None:
    """A network that reads a corner marker is as good without the lungs; one that reads lungs is not."""
    rng = np.random.default_rng(0)
    truth = np.arange(40) % 2
    images = rng.normal(0.5, 0.02, (40, 1, 100, 100)).astype(np.float32)
    images[:, 0, :6, :6] += 0.3 * truth[:, None, None]
    images[:, 0, 35:50, 20:30] += 0.3 * truth[:, None, None]

    def reader(rows, columns):
        def predict(films):
            bright = films[:, 0, rows, columns].mean((1, 2)) > 0.65
            return np.stack([~bright, bright], 1).astype(float)

        return predict

    def accuracy(probabilities):
        return {"accuracy": float((probabilities.argmax(1) == truth).mean())}

    marker = shortcut_check(reader(slice(0, 6), slice(0, 6)), images, accuracy, lungs_of(images))
    assert marker["whole"]["accuracy"] == marker["lungs masked"]["accuracy"] == marker["agreement"] == 1
    assert marker["lungs only"]["accuracy"] == 0.5
    lungs = shortcut_check(reader(slice(35, 50), slice(20, 30)), images, accuracy, lungs_of(images))
    assert lungs["whole"]["accuracy"] == lungs["lungs only"]["accuracy"] == 1
    assert lungs["lungs masked"]["accuracy"] == lungs["agreement"] == 0.5
