from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.lungs.masks import usual_lungs
from cxrneighbors.lungs.rule import dark_lungs, find_lungs


def ellipse(x, y, a, b, size=200):
    rows, columns = (np.mgrid[:size, :size] + 0.5) / size
    return ((columns - x) / a) ** 2 + ((rows - y) / b) ** 2 <= 1


RIGHT, LEFT = ellipse(0.3, 0.45, 0.13, 0.28), ellipse(0.68, 0.47, 0.12, 0.27)


def chest(*lungs) -> np.ndarray:
    """A body on black air with dark lungs, noisy."""
    body = ellipse(0.5, 0.6, 0.48, 0.58)
    picture = np.where(body, 0.75, 0.02)
    for lung in lungs:
        picture[lung] = 0.3
    return np.clip(picture + np.random.default_rng(0).normal(0, 0.03, picture.shape), 0, 1)


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def test_lungs_are_found_on_their_sides():
    right, left = find_lungs(chest(RIGHT, LEFT))
    assert iou(right, RIGHT) > 0.85 and iou(left, LEFT) > 0.85


def test_a_white_lung_takes_the_mirror_image_of_the_other():
    right, left = find_lungs(chest(RIGHT))
    assert iou(right, RIGHT) > 0.85
    assert iou(left, RIGHT[:, ::-1]) > 0.8


@pytest.mark.parametrize("picture", [np.zeros((64, 64)), np.full((90, 80), 0.5), chest()])
def test_a_film_without_lungs_has_them_at_their_usual_place(picture):
    lungs, known = dark_lungs(picture)
    assert not lungs.any() and not known.any()
    assert (find_lungs(picture) == usual_lungs(picture.shape)).all()


def test_real_films(shared_data):
    from cxrneighbors.data.pixels import load_image

    paths = sorted((shared_data / "chestxray14-256").rglob("*.png"))[::40]
    shares = []
    for path in paths:
        right, left = find_lungs(load_image(path, 224, "pad")[0])
        shares.append((right.mean(), left.mean()))
    assert len(paths) >= 10 and 0.05 < np.median(shares) < 0.2
