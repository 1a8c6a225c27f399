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
    assert (
        outside.pixels.shape == (1, 30, 20)
        and outside.patient_id == "7"
        and outside.pixels.dtype == np.float32
    )


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
