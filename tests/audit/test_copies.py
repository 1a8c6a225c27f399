"""Copies are found whatever was done to them, films that are merely alike are not."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.audit.copies import (
    LEAST_AGREEMENT,
    LEAST_CORRELATION,
    SIDE,
    details,
    difference_bits,
    find_copies,
    groups_of,
    mark_identical,
)
from cxrneighbors.data.imports import read_studies
from cxrneighbors.data.pixels import read_pixels, resize
from cxrneighbors.data.readers.phantom import generate_phantoms

RNG = np.random.default_rng(0)


def jpeg(film: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray((255 * film).astype(np.uint8)).save(stream, "JPEG", quality=20)
    return np.asarray(Image.open(stream), np.float32) / 255


def banner(film: np.ndarray) -> np.ndarray:
    """Black where a film's margin carried a name."""
    return np.where(np.arange(len(film))[:, None] < len(film) // 24, 0, film)


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "jpeg": jpeg,
    "smaller": lambda film: resize(film, 3 * len(film) // 4),
    "brighter": lambda film: film**0.7,
    "darker": lambda film: film**1.5,
    "flatter": lambda film: np.clip((film - 0.5) * 0.6 + 0.5, 0, 1),
    "noisy": lambda film: np.clip(film + RNG.normal(0, 0.02, film.shape), 0, 1),
    "banner": banner,
    "mirrored": lambda film: film[:, ::-1],
    "negative": lambda film: 1 - film,
    "mirrored negative": lambda film: 1 - film[:, ::-1],
}


def small(film: np.ndarray) -> np.ndarray:
    return np.round(255 * resize(film.astype(np.float32), SIDE)).astype(np.uint8)


@pytest.fixture(scope="module")
def films(shared_data: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """ChestX-ray14: 250 films, several a patient, and whose they are."""
    studies = read_studies("chestxray14", shared_data / "chestxray14-128").iloc[:250]
    return [read_pixels(path) for path in studies["path"]], studies["patient_id"].to_numpy()


@pytest.mark.parametrize("name", CHANGES)
def test_a_copy_is_found(name: str, films: tuple[list[np.ndarray], np.ndarray]) -> None:
    whole = films[0][:40]
    both = np.stack([small(film) for film in whole] + [small(CHANGES[name](film)) for film in whole])
    pairs = find_copies(both)
    assert set(zip(pairs["first"], pairs["second"], strict=True)) == {(row, row + 40) for row in range(40)}
    expected = name if name in ("mirrored", "negative", "mirrored negative") else "near"
    assert (pairs["kind"] == expected).all()


def test_films_that_are_alike_are_no_copies(films: tuple[list[np.ndarray], np.ndarray]) -> None:
    """Also those of one patient: the correlation has a wide gap."""
    small_films = np.stack([small(film) for film in films[0]])
    assert not len(find_copies(small_films))
    fine = details(small_films)
    others = np.triu(fine @ fine.T, 1)
    assert others.max() < LEAST_CORRELATION - 0.02
    other_patients = np.not_equal.outer(films[1], films[1])
    assert (others * other_patients).max() < LEAST_CORRELATION - 0.15


def test_bits_are_those_of_a_loop() -> None:
    film = RNG.integers(0, 255, (1, SIDE, SIDE))
    grid = [[film[0, 4 * r : 4 * r + 4, 4 * c : 4 * c + 4].mean() for c in range(16)] for r in range(16)]
    across = [grid[r][c] < grid[r][c + 1] for r in range(16) for c in range(15)]
    down = [grid[r][c] < grid[r + 1][c] for r in range(15) for c in range(16)]
    assert (difference_bits(film)[0] > 0).tolist() == across + down
    assert difference_bits(film).shape == (1, 480) and 0.5 < LEAST_AGREEMENT < 1


def test_details_of_a_flat_film_are_nothing() -> None:
    assert np.abs(details(np.full((1, SIDE, SIDE), 7))).max() < 1e-3
    assert not len(find_copies(np.zeros((3, SIDE, SIDE), np.uint8)))


def test_phantoms_of_other_patients_are_no_copies(tmp_path: Path) -> None:
    studies = generate_phantoms(tmp_path, n_patients=20, image_size=64, workers=1).studies
    films = np.stack([small(read_pixels(path)) for path in studies["path"]])
    pairs, patients = find_copies(films), studies["patient_id"].to_numpy()
    assert (patients[pairs["first"]] == patients[pairs["second"]]).all()


def test_identical_files_under_other_names_and_compressions(tmp_path: Path) -> None:
    film = Image.fromarray(RNG.integers(0, 255, (20, 20), dtype=np.uint8))
    film.save(tmp_path / "a.png")
    film.save(tmp_path / "b.png", compress_level=0)
    film.point(lambda value: value // 2).save(tmp_path / "c.png")
    pairs = pd.DataFrame({"first": [0, 0, 1], "second": [1, 2, 3], "kind": "near", "correlation": 1.0})
    paths = [str(tmp_path / name) for name in ("a.png", "b.png", "c.png", "gone.png")]
    assert mark_identical(pairs, paths)["kind"].tolist() == ["identical", "near", "near"]


def test_groups_reach_through_others() -> None:
    pairs = pd.DataFrame({"first": [1, 2, 5], "second": [2, 4, 6]})
    assert groups_of(pairs, 8).tolist() == [0, 1, 1, 0, 1, 2, 2, 0]
    assert groups_of(pairs.iloc[:0], 2).tolist() == [0, 0]
