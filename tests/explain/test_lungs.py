from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.explain.lungs import REGIONS, find_lungs, lung_regions


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


@pytest.mark.parametrize("picture", [np.zeros((64, 64)), np.full((90, 90), 0.5), chest()])
def test_a_film_without_lungs_still_gets_all_regions(picture):
    assert set(np.unique(lung_regions(picture))) == set(range(len(REGIONS)))


def test_regions_lie_where_their_names_say():
    regions = lung_regions(chest(RIGHT, LEFT))
    rows, columns = np.mgrid[:200, :200]
    centre = {
        name: (rows[regions == i].mean(), columns[regions == i].mean()) for i, name in enumerate(REGIONS)
    }
    for side in ("right", "left"):
        heights = [centre[f"{side} {third} lung"][0] for third in ("upper", "middle", "lower")]
        assert heights == sorted(heights)
    # A film shows the patient's right on the viewer's left.
    assert centre["right middle lung"][1] < centre["heart"][1] < centre["left middle lung"][1]
    assert centre["mediastinum"][0] < centre["heart"][0]
    assert regions[0, 0] == 0


def test_real_films(shared_data):
    from cxrneighbors.data.pixels import load_image

    paths = sorted((shared_data / "chestxray14-256").rglob("*.png"))[::40]
    shares = []
    for path in paths:
        right, left = find_lungs(load_image(path, 224, "pad")[0])
        shares.append((right.mean(), left.mean()))
    assert len(paths) >= 10 and 0.05 < np.median(shares) < 0.2
