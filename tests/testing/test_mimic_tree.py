import gzip
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.errors import UserError
from cxrneighbors.testing.dicom_file import available_syntaxes
from cxrneighbors.testing.mimic_tree import write_mimic_tree

COLUMNS = {
    "mimic-cxr/cxr-record-list": ["subject_id", "study_id", "dicom_id", "path"],
    "mimic-cxr/cxr-study-list": ["subject_id", "study_id", "path"],
    "mimic-cxr-jpg/mimic-cxr-2.0.0-split": ["dicom_id", "study_id", "subject_id", "split"],
    "mimic-iv/hosp/patients": [
        "subject_id",
        "gender",
        "anchor_age",
        "anchor_year",
        "anchor_year_group",
        "dod",
    ],
}


def table(tree, name):
    return pd.read_csv(tree / f"{name}.csv.gz", dtype=str, keep_default_na=False)


def files(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_published_shape(tree):
    root, summary = tree
    for name, columns in COLUMNS.items():
        assert list(table(root, name).columns) == columns
    records = table(root, "mimic-cxr/cxr-record-list")
    assert len(records) == summary.counts["images"] == 80
    for row in records.itertuples():
        assert re.fullmatch(r"([0-9a-f]{8}-){4}[0-9a-f]{8}", row.dicom_id)
        assert re.fullmatch(r"1\d{7}", row.subject_id) and re.fullmatch(r"5\d{7}", row.study_id)
        folder = f"files/p{row.subject_id[:2]}/p{row.subject_id}/s{row.study_id}"
        assert row.path == f"{folder}/{row.dicom_id}.dcm"
        assert (root / "mimic-cxr" / row.path).is_file()
        assert (root / "mimic-cxr-jpg" / folder / f"{row.dicom_id}.jpg").is_file()
    metadata = table(root, "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata")
    blank = (metadata[["ViewPosition", "ViewCodeSequence_CodeMeaning"]] == "").all(axis=1)
    described = metadata["PerformedProcedureStepDescription"] != ""
    assert 0 < (blank & described).sum() < 30 and 0 < (blank & ~described).sum() < 30
    assert set(summary.ids["encoding"].str.split("/").str[0]) == set(available_syntaxes())


def test_jpegs_are_8_bit_of_quality_95(tree):
    path = next((tree[0] / "mimic-cxr-jpg").rglob("*.jpg"))
    with Image.open(path) as image:
        # Pillow's luminance table for quality 95 begins with 2, 1, 1, 2 (Annex K scaled by a tenth).
        assert image.mode == "L" and list(image.quantization[0])[:3] == [2, 1, 1]


def test_the_same_table_makes_the_same_bytes(source, tree, tmp_path):
    write_mimic_tree(source.sample(frac=1, random_state=1), tmp_path / "again")
    assert files(tmp_path / "again") == files(tree[0])


def test_ids_do_not_depend_on_the_other_rows(source, tree, tmp_path):
    part = write_mimic_tree(source.iloc[10:20], tmp_path / "part", form="jpg").ids.set_index("source_id")
    whole = tree[1].ids.set_index("source_id").loc[part.index]
    for name in ("image_id", "patient_id", "study_id"):
        assert part[name].tolist() == whole[name].tolist()


def test_labels_by_hand(source, tmp_path):
    write_mimic_tree(source, tmp_path / "out", form="jpg")
    chexpert = table(tmp_path / "out", "mimic-cxr-jpg/mimic-cxr-2.0.0-chexpert")
    # 40 studies, five kinds of findings in turn: effusion, none, COVID-19 and nodule, hernia, not labelled
    counts = (chexpert == "1.0").sum()
    assert counts[["Pleural Effusion", "No Finding", "Pneumonia", "Lung Lesion"]].tolist() == [8, 8, 8, 8]
    assert counts.sum() == 32
    negbio = table(tmp_path / "out", "mimic-cxr-jpg/mimic-cxr-2.0.0-negbio")
    doubted = (negbio == "-1.0") & (chexpert == "1.0")
    assert 0 < doubted.to_numpy().sum() == (negbio == "-1.0").to_numpy().sum()


def test_labels_from_reports(source, tmp_path):
    said = source.assign(report="No pneumothorax. Possible pneumonia. Large pleural effusion.")
    write_mimic_tree(said.iloc[:2], tmp_path / "out", form="jpg", labels="reports")
    row = table(tmp_path / "out", "mimic-cxr-jpg/mimic-cxr-2.0.0-chexpert").iloc[0]
    found = row[["Pneumothorax", "Pneumonia", "Pleural Effusion", "No Finding"]].tolist()
    assert found == ["0.0", "-1.0", "1.0", ""]


def test_what_cannot_be_written_is_listed(source, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    rows = source.iloc[:4].copy()
    rows["path"] = [rows["path"].iloc[0], str(tmp_path / "broken.png"), None, rows["path"].iloc[3]]
    summary = write_mimic_tree(rows, tmp_path / "out", form="jpg")
    assert summary.counts["images"] == 2
    assert sorted(summary.skipped.to_frame()["item"]) == ["im1", "im2"]
    with pytest.raises(UserError, match="no image"):
        write_mimic_tree(rows.iloc[1:3], tmp_path / "none")


def test_a_foreign_folder_is_refused(source, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(UserError, match="something else"):
        write_mimic_tree(source, tmp_path)


@pytest.mark.parametrize("option", [{"form": "png"}, {"reports": "mail"}, {"labels": "x"}])
def test_unknown_options(source, tmp_path, option):
    with pytest.raises(UserError, match="choose one of"):
        write_mimic_tree(source, tmp_path / "out", **option)


def test_tables_are_gzip_without_a_date(tree):
    data = (tree[0] / "mimic-cxr/cxr-study-list.csv.gz").read_bytes()
    assert data[4:8] == b"\0\0\0\0" and gzip.decompress(data).startswith(b"subject_id,")
    assert np.frombuffer(data[:2], np.uint8).tolist() == [0x1F, 0x8B]
