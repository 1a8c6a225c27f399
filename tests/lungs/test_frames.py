from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import map_coordinates

from cxrneighbors.lungs.frames import MARGIN, MEDIASTINUM, PASSAGE, lung_edges, lung_frames, registered
from cxrneighbors.lungs.masks import usual_lungs

from .conftest import phantom


def lungs(
    right: tuple[slice, slice], left: tuple[slice, slice], shape: tuple[int, int] = (100, 100)
) -> np.ndarray:
    masks = np.zeros((2, *shape), dtype=bool)
    masks[0][right], masks[1][left] = True, True
    return masks


HIGHER = lungs((slice(20, 80), slice(15, 40)), (slice(25, 75), slice(60, 85)))


def test_edges_by_hand():
    found = lung_edges(HIGHER, tail=0)
    np.testing.assert_allclose(found, [[0.15, 0.2, 0.4, 0.8], [0.6, 0.25, 0.85, 0.75]], atol=1e-6)
    assert found.dtype == np.float32


def test_a_stray_strip_moves_no_edge():
    strip = HIGHER.copy()
    strip[0, 80:85, 20] = True
    np.testing.assert_allclose(lung_edges(strip), lung_edges(HIGHER), atol=0.011)


def test_what_is_no_lung_has_the_usual_edges():
    nothing = np.zeros((2, 50, 70), dtype=bool)
    np.testing.assert_allclose(lung_edges(nothing), lung_edges(usual_lungs((50, 70))))


def test_lungs_that_overlap_are_cut_apart():
    found = lung_edges(lungs((slice(20, 80), slice(15, 54)), (slice(25, 75), slice(50, 85))), tail=0)
    np.testing.assert_allclose(found[0, 2], 0.51, atol=1e-6)
    np.testing.assert_allclose(found[1, 0], 0.53, atol=1e-6)


def test_a_frame_is_what_interpolation_between_the_edges_gives():
    """Every pixel of a frame against scipy: numpy's interp across, a blend of tops and bottoms down."""
    size, (height, width) = 24, (60, 90)
    film = np.random.default_rng(0).random((height, width)).astype(np.float32)
    edges = np.array([[0.15, 0.2, 0.4, 0.8], [0.6, 0.25, 0.85, 0.75]], np.float32)
    t = (np.arange(2 * size) + 0.5) / (2 * size)
    knots = [MARGIN, *MEDIASTINUM, 1 - MARGIN]
    outer = 0.01  # extended by hand: interp would stay at its ends
    slopes = (0.25 / (knots[1] - knots[0]), 0.25 / (knots[3] - knots[2]))
    x = np.interp(
        t,
        [knots[0] - outer * 5, *knots, knots[3] + outer * 5],
        [0.15 - 5 * outer * slopes[0], 0.15, 0.4, 0.6, 0.85, 0.85 + 5 * outer * slopes[1]],
    )
    left = np.clip((t - PASSAGE[0]) / (PASSAGE[1] - PASSAGE[0]), 0, 1)
    top, bottom = 0.2 + 0.05 * left, 0.8 - 0.05 * left
    y = top + (t[:, None] - MARGIN) / (1 - 2 * MARGIN) * (bottom - top)
    rows, columns = y * height - 0.5, np.broadcast_to(x * width - 0.5, y.shape)
    fine = map_coordinates(film, [rows, columns], order=1, mode="nearest")
    expected = fine.reshape(size, 2, size, 2).mean((1, 3))
    found = registered(torch.from_numpy(film)[None, None], torch.from_numpy(edges)[None], size)
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-4)


def test_either_lung_fills_its_own_place():
    masks = torch.from_numpy(HIGHER.astype(np.float32))[None]
    frame = registered(masks, torch.from_numpy(lung_edges(HIGHER))[None], 100)[0].numpy()
    for lung, (first, last) in zip(
        frame, ((MARGIN, MEDIASTINUM[0]), (MEDIASTINUM[1], 1 - MARGIN)), strict=True
    ):
        columns, rows = (
            np.flatnonzero(lung[50] > 0.5),
            np.flatnonzero(lung[:, round(50 * (first + last))] > 0.5),
        )
        np.testing.assert_allclose([columns[0] / 100, (columns[-1] + 1) / 100], [first, last], atol=0.02)
        np.testing.assert_allclose([rows[0] / 100, (rows[-1] + 1) / 100], [MARGIN, 1 - MARGIN], atol=0.03)


class KnownLungs:
    """A segmenter that has been told."""

    device = "cpu"

    def __init__(self, masks: np.ndarray) -> None:
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
        assert alike > 0.95 and alike > before + 0.1


def _moved(film: torch.Tensor) -> torch.Tensor:
    theta = torch.tensor(
        [[[1.0, 0, 0], [0, 1, 0]], [[1.2, 0, 0.1], [0, 1.2, -0.1]], [[1, 0, -0.12], [0, 1.1, 0]]]
    )
    grid = torch.nn.functional.affine_grid(theta, [3, *film.shape[1:]], align_corners=False)
    return torch.nn.functional.grid_sample(film.expand(3, -1, -1, -1), grid, align_corners=False)
