import pytest

from cxrneighbors.data.mimic.build import read_mimic
from cxrneighbors.data.mimic.options import Options
from cxrneighbors.errors import UserError


def test_three_images_by_hand(mimic):
    root = mimic / "mimic-cxr-jpg"
    result = read_mimic(root, "mimic-cxr-jpg", Options(patients=mimic / "mimic-iv"))
    table = result.studies.set_index("image_id")
    assert table.index.tolist() == ["aa-1", "aa-2", "bb-1"] and not len(result.skipped)
    assert table["path"]["aa-2"] == str(root / "files/p10/p10000001/s50000001/aa-2.jpg")
    assert table["view"].tolist() == ["PA", "LATERAL", "AP"] and set(table["view_source"]) == {"ViewPosition"}
    assert table["sex"].fillna("").tolist() == ["F", "F", ""]
    assert table["age"].fillna(-1).tolist() == [54, 54, -1]  # 52 in 2178, seen in 2180
    assert table["findings"].tolist() == [["Effusion"], ["Effusion"], ["No Finding"]]
    assert table["uncertain_findings"].tolist() == ["Pneumonia", "Pneumonia", ""]
    assert table["split"].tolist() == ["train", "train", "val"] and set(table["dataset"]) == {"mimic-cxr"}
    assert table["report"].tolist() == ["IMPRESSION: Effusion."] * 2 + [None]
    assert "views from: 3 ViewPosition; 0 left UNKNOWN" in result.notes
    assert "1 of 2 studies have no report (50000002)" in result.notes


def test_without_tables_what_is_missing_is_noted(mimic):
    root = mimic / "mimic-cxr-jpg"
    for kind in ("metadata", "chexpert"):
        (root / f"mimic-cxr-2.0.0-{kind}.csv").unlink()
    result = read_mimic(root, "mimic-cxr-jpg", Options())
    assert set(result.studies["view"]) == {"UNKNOWN"} and result.studies["findings"].tolist() == [[]] * 3
    assert result.studies["split"].tolist() == ["train", "train", "val"]
    notes = " ".join(result.notes)
    assert "no metadata table" in notes and "no chexpert table" in notes


def test_a_split_table_without_its_columns(mimic):
    path = mimic / "mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv"
    path.write_text("dicom_id,part\naa-1,train\n")
    with pytest.raises(UserError, match=r"split\.csv: column 'dicom_id' or 'split' is missing"):
        read_mimic(mimic / "mimic-cxr-jpg", "mimic-cxr-jpg", Options())
