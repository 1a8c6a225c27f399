from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.errors import UserError
from cxrneighbors.explain.films import FilmReader, row_of_file


def test_by_id_file_and_array(world, tmp_path):
    reader = FilmReader(world.studies, 40)
    inside = reader.read("p3")
    assert inside.pixels.shape == (1, 40, 40) and inside.findings == ("Effusion", "Pleural_Thickening")
    assert (inside.image_id, inside.path) == ("p3", None)
    copy = tmp_path / "copy.png"
    copy.write_bytes((world.folder / "p3.png").read_bytes())
    assert reader.read(copy).image_id == "p3" and FilmReader(None, 40).read(copy).image_id is None
    outside = reader.read(np.zeros((30, 20)), "7")
    assert outside.pixels.shape == (1, 40, 40) and outside.pixels.dtype == np.float32
    assert (outside.patient_id, outside.whole.shape) == ("7", (30, 20))
    assert FilmReader(world.studies, None).read(np.zeros((3, 30, 20))).pixels.shape == (3, 30, 20)


def test_an_array_is_read_as_its_file_is(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (60, 50), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "film.png")
    for aspect in ("pad", "crop"):
        reader = FilmReader(None, 32, aspect)
        file, array = reader.read(tmp_path / "film.png"), reader.read(pixels / np.float32(255))
        np.testing.assert_array_equal(file.pixels, array.pixels)


def test_what_is_said_of_a_film_from_outside(tmp_path):
    Image.fromarray(np.full((60, 50), 99, np.uint8)).save(tmp_path / "film.png")
    reader = FilmReader(None, 32)
    for image in (tmp_path / "film.png", np.zeros((60, 50))):
        film = reader.read(image, "7", "Clear.", "PA")
        assert (film.patient_id, film.text, film.view) == ("7", "Clear.", "PA")
    with pytest.raises(UserError, match="unknown view 'pa'"):
        reader.read(tmp_path / "film.png", view="pa")


def test_files_keep_their_shape_or_are_brought_to_the_classifiers(tmp_path):
    Image.fromarray(np.full((60, 50), 99, np.uint8)).save(tmp_path / "film.png")
    assert FilmReader(None, None).read(tmp_path / "film.png").pixels.shape == (1, 60, 50)
    cropped, padded = (FilmReader(None, 50, aspect).read(tmp_path / "film.png") for aspect in ("crop", "pad"))
    assert cropped.pixels.min() > 0.3 and padded.pixels.min() == 0


def test_a_file_of_the_same_size_with_other_content_is_another_film(world, tmp_path):
    content = bytearray((world.folder / "p3.png").read_bytes())
    content[-20] ^= 1
    (tmp_path / "other.png").write_bytes(bytes(content))
    assert row_of_file(world.studies, tmp_path / "other.png") is None
    assert row_of_file(world.studies, world.folder / "p3.png")["image_id"] == "p3"
    assert row_of_file(world.studies, tmp_path / "nowhere.png") is None


def test_what_is_wrong_is_said(world):
    reader = FilmReader(world.studies.assign(path=[None, *world.studies["path"][1:]]), 40)
    for image, patient, message in (
        ("p0", None, "'p0': has no pixels on disk"),
        ("p77", None, "'p77': not in the index"),
        ("p1", "1", "patient_id: the index knows the patient of image 'p1'"),
        (np.full((4, 4), 200), None, "must lie in"),
        (np.zeros((2, 4, 4)), None, "got shape"),
    ):
        with pytest.raises(UserError, match=message):
            reader.read(image, patient)
    for about in ({"text": "Clear."}, {"view": "PA"}):
        with pytest.raises(UserError, match=f"{next(iter(about))}: the index knows the .* of image 'p1'"):
            reader.read("p1", **about)
