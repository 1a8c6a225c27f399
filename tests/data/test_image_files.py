from __future__ import annotations

from cxrneighbors.data.image_files import find_images


def test_the_nearest_of_equal_names_and_links_that_lead_back(tmp_path):
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "film.PNG").write_bytes(b"12")
    (deep / "film.PNG").write_bytes(b"1234")
    (deep / "other.jpg").write_bytes(b"123")
    (deep / "notes.txt").write_bytes(b"1")
    (deep / "up").symlink_to(tmp_path)
    found = find_images(tmp_path)
    assert found == {
        "film.PNG": (str(tmp_path / "film.PNG"), 2),
        "other.jpg": (str(deep / "other.jpg"), 3),
    }
