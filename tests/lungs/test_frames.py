from __future__ import annotations

import numpy as np
import pytest
import torch

from cxrneighbors.lungs.frames import framed, lung_box, lung_frames
from cxrneighbors.lungs.masks import usual_lungs

from .conftest import phantom


def lungs(rows: slice, right: slice, left: slice, shape: tuple[int, int] = (100, 100)) -> np.ndarray:
    masks = np.zeros((2, *shape), dtype=bool)
    masks[0, rows, right], masks[1, rows, left] = True, True
    return masks


def test_a_box_by_hand():
    found = lungs(slice(20, 80), slice(15, 40), slice(60, 85))
    np.testing.assert_allclose(lung_box(found, margin=0, tail=0), [0.15, 0.2, 0.85, 0.8], atol=1e-6)
    np.testing.assert_allclose(lung_box(found, margin=0.1, tail=0), [0.08, 0.14, 0.92, 0.86], atol=1e-6)
    assert lung_box(found).dtype == np.float32


def test_a_stray_strip_moves_no_edge():
    found = lungs(slice(20, 80), slice(15, 40), slice(60, 85))
    strip = found.copy()
    strip[0, 80:90, 20] = True
    np.testing.assert_allclose(lung_box(strip), lung_box(found), atol=0.02)


def test_what_is_no_lung_has_the_usual_box():
    nothing = np.zeros((2, 50, 70), dtype=bool)
    np.testing.assert_allclose(lung_box(nothing), lung_box(usual_lungs((50, 70))))


def test_a_box_on_whole_pixels_is_a_crop_and_beyond_the_film_it_is_black():
    images = torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    inside = framed(images, torch.tensor([[0.25, 0.5, 0.75, 1.0]]), 20)
    torch.testing.assert_close(inside, images[:, :, 20:40, 10:30])
    beyond = framed(images, torch.tensor([[0.5, 0.5, 1.5, 1.5]]), 40)
    torch.testing.assert_close(beyond[:, :, :20, :20], images[:, :, 20:, 20:])
    assert beyond[:, :, 20:].max() < 1e-4 and beyond[:, :, :, 20:].max() < 1e-4


def test_stretched_or_with_its_proportions():
    images = torch.zeros(1, 1, 40, 80)
    images[:, :, 10:30, 30:50] = 1  # a square of 20 pixels
    box = torch.tensor([[30 / 80, 0.0, 50 / 80, 1.0]])  # 20 pixels wide, 40 high
    assert framed(images, box, 40)[0, 0, 20].sum() == pytest.approx(40, abs=1)
    kept = framed(images, box, 40, keep_aspect=True)[0, 0]
    assert kept[20].sum() == pytest.approx(20, abs=1) and kept[:, 20].sum() == pytest.approx(20, abs=1)


def test_large_films_are_averaged():
    images = torch.rand(1, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    small = framed(images, torch.tensor([[0.0, 0.0, 1.0, 1.0]]), 32)
    torch.testing.assert_close(small, torch.nn.functional.avg_pool2d(images, 8))


class KnownLungs:
    """A segmenter that has been told."""

    device = "cpu"

    def __init__(self, masks):
        self.masks = lambda images: masks


def test_lungs_fill_the_same_place_in_every_frame():
    """Moved and scaled copies of a film have nearly the same frame; as films they differ."""
    pixels, found = phantom(200)
    copies = _moved(torch.from_numpy(pixels.astype(np.float32) / 255)[None, None])
    masks = _moved(torch.from_numpy(found.astype(np.float32))[None]).numpy() > 0.5
    frames = lung_frames(copies.numpy(), KnownLungs(masks), 32)
    assert frames.shape == (3, 1, 32, 32) and frames.dtype == np.float32
    assert frames.min() >= 0 and frames.max() <= 1
    for other in (1, 2):
        alike = np.corrcoef(frames[0].ravel(), frames[other].ravel())[0, 1]
        before = np.corrcoef(copies[0].ravel(), copies[other].ravel())[0, 1]
        assert alike > 0.9 and alike > before + 0.1


def _moved(film: torch.Tensor) -> torch.Tensor:
    theta = torch.tensor(
        [[[1.0, 0, 0], [0, 1, 0]], [[1.2, 0, 0.1], [0, 1.2, -0.1]], [[1, 0, -0.12], [0, 1.1, 0]]]
    )
    grid = torch.nn.functional.affine_grid(theta, [3, *film.shape[1:]], align_corners=False)
    return torch.nn.functional.grid_sample(film.expand(3, -1, -1, -1), grid, align_corners=False)
