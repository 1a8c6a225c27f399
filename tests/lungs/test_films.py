from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import patient_split
from cxrneighbors.errors import UserError
from cxrneighbors.lungs.films import COLUMNS, read_lung_films, read_lungs


def test_rows_and_splits(lung_films):
    skipped = Skipped()
    films = read_lung_films(lung_films, skipped, seed=3)
    assert tuple(films.columns) == COLUMNS and len(films) == 40 and not len(skipped)
    assert films["patient_id"].tolist() == [str(number) for number in range(40)]
    assert (films["split"] == patient_split(films["patient_id"], seed=3)).all()


def test_bad_rows_are_told_and_patients_are_kept_together(lung_films, tmp_path):
    shutil.copytree(lung_films / "images", tmp_path / "images")
    shutil.copytree(lung_films / "masks", tmp_path / "masks")
    rows = [
        "image,file,mask,source",
        "MCUCXR_0007_1.png,images/0.png,masks/0.png,Montgomery",
        "MCUCXR_0007_0.png,images/1.png,masks/1.png,Montgomery",
        "none.png,images/2.png,,",
        "gone.png,images/99.png,masks/0.png,",
        "gone2.png,images/2.png,masks/99.png,",
        "MCUCXR_0007_0.png,images/1.png,masks/1.png,",
        ",images/1.png,masks/1.png,",
    ]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    skipped = Skipped()
    films = read_lung_films(tmp_path, skipped)
    assert films["patient_id"].tolist() == ["MCUCXR_0007"] * 2 and films["split"].nunique() == 1
    assert skipped.to_frame()["reason"].tolist() == [
        "no lung mask", "no image file", "no mask file", "duplicate image name", "no image name",
    ]  # fmt: skip


def test_mistakes_in_one_line(tmp_path):
    for text, said in (
        ("image,file\n", "'mask' is missing"),
        ("image,file,mask\na,b,\n", "no film of 1 has"),
    ):
        (tmp_path / "labels.csv").write_text(text)
        with pytest.raises(UserError, match=said):
            read_lung_films(tmp_path, Skipped())
    with pytest.raises(UserError, match="no such file or folder"):
        read_lung_films(tmp_path / "x", Skipped())


def test_a_mask_file_has_two_lungs(lung_films, tmp_path):
    lungs = read_lungs(lung_films / "masks" / "0.png")
    rows, columns = (np.argwhere(lung).mean(0) for lung in lungs)
    assert rows[1] < 64 < columns[1] and not lungs.all(0).any()
    Image.fromarray(lungs[0].astype(np.uint8) * 255).save(tmp_path / "one.png")
    with pytest.raises(UserError, match=r"one\.png: shows no two lungs apart"):
        read_lungs(tmp_path / "one.png")


def test_the_real_folder(shared_data):
    skipped = Skipped()
    films = read_lung_films(shared_data / "lung-masks", skipped)
    assert len(films) == 505 and films["source"].value_counts().to_dict() == {
        "Shenzhen": 400,
        "Montgomery": 105,
    }
    assert films["patient_id"].str.fullmatch(r"(CHN|MCU)CXR_\d{4}").all() and len(skipped) == 67
