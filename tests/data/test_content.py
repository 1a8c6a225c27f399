from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.data.content import content_hash, link_patients, with_hashes
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError


def test_a_copy_is_known_by_its_pixels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", compress_level=0)
    Image.fromarray(pixels).save(tmp_path / "b.png", compress_level=9)
    Image.fromarray(pixels.reshape(30, 20)).save(tmp_path / "c.png")
    skipped = Skipped()
    table = pd.DataFrame(
        {"image_id": list("abcd"), "path": [str(tmp_path / f"{name}.png") for name in "abcd"]}
    )
    hashed = with_hashes(table, skipped).set_index("image_id")["sha256"]
    assert list(hashed.index) == ["a", "b", "c"] and hashed.str.len().eq(64).all()
    assert hashed["a"] == hashed["b"] != hashed["c"]
    assert skipped.to_frame()[["item", "reason"]].values.tolist() == [["d", "no image file"]]


def test_dicom_too(shared_data):
    first, second = (content_hash(path) for path in sorted((shared_data / "dicom").glob("*.dcm")))
    assert first != second


def test_files_of_no_use_are_told(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no image")
    for name, reason in (
        ("empty", "is empty"),
        ("text", "cannot be read as an image"),
        ("none", "no image file"),
    ):
        with pytest.raises(UserError, match=reason):
            content_hash(tmp_path / f"{name}.png")


def test_patients_who_share_an_image_become_one_through_a_chain():
    table = pd.DataFrame(
        {
            "dataset": ["x", "x", "y", "y", "x", "y"],
            "patient_id": ["1", "2", "2", "3", "2", "4"],
            "sha256": ["p", "p", "q", "r", "q", "s"],
        }
    )
    linked = link_patients(table, "sha256")
    # x1 = x2 by p; x2 = y2 by q; y3 and y4 stand alone.
    assert linked["patient_id"].tolist() == ["1", "1", "1", "3", "1", "4"]
    assert linked["dataset"].tolist() == ["x", "x", "x", "y", "x", "y"]
    assert table["patient_id"].tolist() == ["1", "2", "2", "3", "2", "4"]
