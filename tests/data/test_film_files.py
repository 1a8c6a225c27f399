import numpy as np
import pytest
from PIL import Image

from cxrneighbors.data.film_files import list_films, match_patients, note_patients, read_film_headers
from cxrneighbors.errors import UserError


def test_films_are_found_by_suffix_or_mark(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    for name in ("b/x.png", "a.JPG", "__MACOSX/y.png", ".z.png"):
        Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / name, format="PNG")
    for name in ("b/IM1", "DICOMDIR"):
        (tmp_path / name).write_bytes(bytes(128) + b"DICM")
    (tmp_path / "notes.txt").write_text("x" * 200)
    assert list_films(tmp_path)["path"].tolist() == ["a.JPG", "b/IM1", "b/x.png"]
    assert list_films(tmp_path)["image_id"].tolist() == ["a.JPG", "b/IM1", "b/x.png"]
    with pytest.raises(UserError, match="no CSV and no PNG, JPEG or DICOM"):
        list_films(tmp_path / "empty")


def test_headers_as_far_as_wanted(shared_data, tmp_path):
    film = str(sorted((shared_data / "dicom").glob("*.dcm"))[0])
    (tmp_path / "bad.dcm").write_bytes(b"no")
    headers = read_film_headers(
        [film, None, str(tmp_path / "bad.dcm"), str(tmp_path / "no")], {"sex", "image"}
    )
    assert headers == [{"sex": "M", "image": True}, {}, {"image": False}, {}]
    assert read_film_headers([film], set()) == [{}]


def test_patients_from_names():
    assert match_patients(["a/p12_1.png", "p3.png", "x"], r"p(\d+)") == ["12", "3", ""]
    assert match_patients(["a/p12_1.png"], r"^[^/]+") == ["a"]
    assert match_patients(["b"], r"(a)?b") == [""]
    with pytest.raises(UserError, match="no regular expression"):
        match_patients(["x"], "[")


def test_what_is_said_of_patients():
    for told, said in ((["a", "b"], 0), (["", "b"], 1), (["a", "a"], 1), (["a"], 0)):
        notes = []
        note_patients(told, notes)
        assert len(notes) == said
