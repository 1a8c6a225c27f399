from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.classifiers.quality.shortcut import lung_box, mask_lungs, shortcut_check


def find_lungs(picture):
    right, left = np.zeros(picture.shape, dtype=bool), np.zeros(picture.shape, dtype=bool)
    right[20:60, 15:40], left[30:70, 60:85] = True, True
    return right, left


def test_the_box_holds_both_lungs_with_a_margin() -> None:
    assert lung_box(np.zeros((100, 100)), find_lungs) == (slice(16, 74), slice(11, 89))
    assert lung_box(np.zeros((100, 100)), find_lungs, margin=0.3) == (slice(0, 100), slice(0, 100))
    with pytest.raises(ValueError, match="found no lung"):
        lung_box(np.zeros((9, 9)), lambda picture: (picture > 1, picture > 1))


def test_masking_takes_the_mean_of_what_is_kept() -> None:
    images = np.random.default_rng(0).random((2, 1, 100, 100)).astype(np.float32)
    before = images.copy()
    box = np.zeros((100, 100), dtype=bool)
    box[16:74, 11:89] = True
    for keep, hidden in (("outside", box), ("lungs", ~box)):
        masked = mask_lungs(images, find_lungs, keep)
        for image, original in zip(masked[:, 0], images[:, 0], strict=True):
            np.testing.assert_array_equal(image[~hidden], original[~hidden])
            np.testing.assert_allclose(image[hidden], original[~hidden].mean(), rtol=1e-5)
    np.testing.assert_array_equal(images, before)
    with pytest.raises(ValueError, match="keep must be"):
        mask_lungs(images, find_lungs, "heart")


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

    marker = shortcut_check(reader(slice(0, 6), slice(0, 6)), images, accuracy, find_lungs)
    assert marker["whole"]["accuracy"] == marker["lungs masked"]["accuracy"] == marker["agreement"] == 1
    assert marker["lungs only"]["accuracy"] == 0.5
    lungs = shortcut_check(reader(slice(35, 50), slice(20, 30)), images, accuracy, find_lungs)
    assert lungs["whole"]["accuracy"] == lungs["lungs only"]["accuracy"] == 1
    assert lungs["lungs masked"]["accuracy"] == lungs["agreement"] == 0.5
