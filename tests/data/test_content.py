from __future__ import annotations

import numpy as np
import pandas as pd
from PIL import Image

from cxrneighbors.data.content import link_patients, read_contents
from cxrneighbors.data.skipped import Skipped


def test_a_copy_is_known_by_its_pixels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", compress_level=0)
    Image.fromarray(pixels).save(tmp_path / "b.png", compress_level=9)
    Image.fromarray(pixels.reshape(30, 20)).save(tmp_path / "c.png")
    skipped = Skipped()
    paths = [tmp_path / f"{name}.png" for name in "abcd"]
    a, b, c, d = read_contents(paths, list("abcd"), skipped)
    assert a == b and (a.width, a.height) == (30, 20)
    assert c.sha256 != a.sha256
    assert d is None and skipped.to_frame()["item"].tolist() == ["d"]


def test_dicom_too(shared_data):
    paths = sorted((shared_data / "dicom").glob("*.dcm"))
    first, second = read_contents(paths, ["a", "b"], Skipped())
    assert (first.width, first.height) == (1024, 1024) and first.sha256 != second.sha256


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
