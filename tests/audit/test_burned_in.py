"""Writing drawn into real films is suspected; films without it hardly, markers and flat pictures never."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from cxrneighbors.audit.burned_in import LEAST_LETTERS, count_letters
from cxrneighbors.data.imports import read_studies
from cxrneighbors.data.pixels import read_pixels


def written(film: np.ndarray, text: str, place: tuple[float, float], size: float = 0.06) -> np.ndarray:
    picture = Image.fromarray(np.round(255 * film).astype(np.uint8))
    corner = (place[0] * film.shape[1], place[1] * film.shape[0])
    font = ImageFont.load_default(max(8, round(size * film.shape[0])))
    ImageDraw.Draw(picture).text(corner, text, fill=255, font=font)
    return np.asarray(picture, dtype=np.float32) / 255


@pytest.fixture(scope="module")
def films(shared_data: Path) -> list[np.ndarray]:
    studies = read_studies("chestxray14", shared_data / "chestxray14-256").iloc[:60]
    return [read_pixels(path) for path in studies["path"]]


def test_names_in_films_are_suspected(films: list[np.ndarray]) -> None:
    plain = np.array([count_letters(film) for film in films])
    named = np.array([count_letters(written(film * 0.6, "DOE JOHN 1947", (0.1, 0.9))) for film in films])
    assert (named >= LEAST_LETTERS).mean() > 0.9
    assert (plain >= LEAST_LETTERS).mean() < 0.2


@pytest.mark.parametrize(
    ("text", "place", "suspect"),
    [("DOE JOHN", (0.05, 0.05), True), ("L", (0.85, 0.05), False), ("DOE JOHN", (0.35, 0.45), False)],
)
def test_on_a_grey_picture(text: str, place: tuple[float, float], suspect: bool) -> None:
    letters = count_letters(written(np.full((256, 256), 0.3, np.float32), text, place))
    assert (letters >= LEAST_LETTERS) == suspect
    assert suspect or letters == len(text) * (place[0] > 0.5)


@pytest.mark.parametrize("film", [np.zeros((64, 64)), np.ones((64, 48)), np.eye(64)])
def test_pictures_without_letters(film: np.ndarray) -> None:
    assert count_letters(film.astype(np.float32)) == 0
