from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import affine_transform, gaussian_filter

from cxrneighbors.errors import UserError
from cxrneighbors.explain.alignment import (
    IDENTITY,
    LARGEST_SCALE,
    Aligner,
    Alignment,
    affine_maps,
    box_map,
    lung_box,
    match_intensity,
    warped,
)
from cxrneighbors.lungs.masks import usual_lungs


@pytest.fixture
def film():
    """A smooth film (1, 60, 60) in [0, 1]."""
    picture = gaussian_filter(np.random.default_rng(0).normal(size=(60, 60)), 5)
    return ((picture - picture.min()) / np.ptp(picture)).astype(np.float32)[None]


def chest(shape, x=0.0, y=0.0, scale=1.0):
    """A bright body with two dark lungs, moved by fractions of the side and scaled about the middle."""
    rows, columns = ((np.arange(length) + 0.5) / length for length in shape)
    lungs = np.zeros(shape, dtype=bool)
    for centre in (0.29, 0.71):
        across = (columns - 0.5 - x - scale * (centre - 0.5)) / (0.16 * scale)
        down = (rows[:, None] - 0.46 - y) / (0.31 * scale)
        lungs |= across**2 + down**2 <= 1
    return np.where(lungs, 0.2, 0.8).astype(np.float32)[None]


def test_warped_is_scipys_affine_transform(film):
    matrix = np.array([[0.9, 0.05, 0.1], [-0.04, 1.1, -0.06]], dtype=np.float32)
    size = film.shape[1]
    # scipy's coordinates are rows and columns of pixel centres.
    linear = matrix[::-1, 1::-1]
    half = (np.arange(1) + 0.5) / size
    offset = (linear @ [half[0], half[0]] + matrix[::-1, 2] - half[0]) * size
    expected = affine_transform(film[0], linear, offset, order=1, mode="nearest")
    assert warped(film[None], matrix[None])[0, 0] == pytest.approx(expected, abs=1e-5)
    assert warped(film[None], IDENTITY[None])[0] == pytest.approx(film, abs=1e-6)


def test_a_box_map_takes_corners_to_corners_and_believes_no_giant():
    target, donor = np.array([0.2, 0.1, 0.7, 0.8]), np.array([0.1, 0.2, 0.7, 0.8])
    matrix = box_map(target, donor)
    for corner, other in ((target[:2], donor[:2]), (target[2:], donor[2:])):
        assert matrix @ [*corner, 1] == pytest.approx(other, abs=1e-6)
    giant = box_map(np.array([0.4, 0.4, 0.5, 0.5]), np.array([0.1, 0.1, 0.9, 0.9]))
    assert giant[0, 0] == giant[1, 1] == np.float32(LARGEST_SCALE)
    assert giant @ [0.45, 0.45, 1] == pytest.approx([0.5, 0.5], abs=1e-6)


def test_the_lung_box_is_that_of_the_lungs():
    box = lung_box(chest((96, 96)))
    usual = usual_lungs((96, 96)).any(0)
    rows, columns = np.flatnonzero(usual.any(1)), np.flatnonzero(usual.any(0))
    expected = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / 96
    assert box == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("registration", ["lungs", "affine"])
def test_registration_lays_a_moved_chest_on_the_target(registration):
    target = chest((96, 96))
    donors = np.stack([chest((96, 96), 0.06, -0.04), chest((96, 96), scale=0.85)])
    before = np.abs(donors - target).mean((1, 2, 3))
    after = Aligner(Alignment(registration))(donors, target)
    assert after.dtype == np.float32 and after.shape == donors.shape
    assert (np.abs(after - target).mean((1, 2, 3)) < 0.4 * before).all()


def test_a_segmenter_says_where_lungs_are():
    class Segmenter:
        def find_lungs(self, picture):
            lungs = usual_lungs(picture.shape)
            return np.roll(lungs, 6, axis=2) if picture.mean() > 0.5 else lungs

    target = np.zeros((1, 60, 60), dtype=np.float32)
    donor = np.linspace(0.6, 1, 60, dtype=np.float32) * np.ones((1, 60, 1), dtype=np.float32)
    moved = Aligner(Alignment("lungs"), Segmenter())(donor[None], target)[0]
    assert moved[0, :, :50] == pytest.approx(donor[0, :, 6:56], abs=1e-3)


def test_affine_maps_find_a_known_map_and_draw_nothing(film):
    known = np.array([[1.05, 0.0, 0.02], [0.0, 0.95, -0.03]], dtype=np.float32)
    target = warped(film[None], known[None])[0]
    found = affine_maps(film[None], target)
    assert found[0] == pytest.approx(known, abs=0.03)
    assert (affine_maps(film[None], target) == found).all()


def test_intensities(film):
    from skimage.exposure import match_histograms

    donor = np.clip(0.3 + 0.4 * film[:, ::-1], 0, 1)
    assert match_intensity(donor, film, "none") is donor
    same = match_intensity(donor, film, "mean-std")
    assert same.mean() == pytest.approx(film.mean(), abs=0.01)
    assert same.std() == pytest.approx(film.std(), abs=0.01)
    histogram = match_intensity(donor, film, "histogram")
    assert histogram[0] == pytest.approx(match_histograms(donor[0], film[0]))
    assert np.sort(histogram.ravel()) == pytest.approx(np.sort(film.ravel()), abs=0.02)
    flat = match_intensity(np.full_like(film, 0.5), film, "mean-std")
    assert np.isfinite(flat).all() and flat.min() >= 0 and flat.max() <= 1


def test_nothing_is_changed_without_alignment(film):
    donors = np.stack([film, film[:, ::-1]])
    assert (Aligner(Alignment())(donors, film) == donors).all()


def test_unknown_names():
    with pytest.raises(UserError, match="registration 'elastic'; choose one of: none, lungs, affine"):
        Alignment("elastic")
    with pytest.raises(UserError, match="intensity 'log'"):
        Alignment(intensity="log")


def test_what_was_found_is_kept_and_no_more_than_so_many(monkeypatch, film):
    from cxrneighbors.explain import alignment

    asked = []

    def counted(film, lungs):
        asked.append(film)
        return np.array([0.2, 0.2, 0.8, 0.8])

    monkeypatch.setattr(alignment, "lung_box", counted)
    aligner, donors = Aligner(Alignment("lungs"), capacity=2), np.stack([film[:, ::-1], film[:, :, ::-1]])
    first = aligner(donors, film)
    assert len(asked) == 3 and aligner(donors, film) is first and len(asked) == 3
    aligner(donors[:1], film)
    assert len(asked) == 3  # other donors, but their lungs are known
    aligner(donors[1:], film)
    assert aligner(donors, film) is not first and (aligner(donors, film) == first).all()
