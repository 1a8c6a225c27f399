import numpy as np
import pytest

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.errors import UserError
from cxrneighbors.testing.published_trees import write_vindr

OWN_NAMES = {"Mass": "Nodule/Mass", "Nodule": "Nodule/Mass"}


@pytest.fixture
def frontal(phantoms):
    studies = phantoms.studies[phantoms.studies["view"] != "LATERAL"].reset_index(drop=True)
    boxes = phantoms.regions[phantoms.regions["image_id"].isin(studies["image_id"])].copy()
    boxes["x"], boxes["y"], boxes["width"], boxes["height"] = 3.0, 4.5, 10.0, 12.0
    return studies, boxes


def test_a_tree_of_phantoms_comes_back(frontal, tmp_path):
    source, boxes = frontal
    ids = write_vindr(source, boxes, tmp_path)
    result = import_dataset("vindr-cxr", tmp_path)
    table = result.studies.set_index("image_id").loc[ids["image_id"]].reset_index()
    expected = [{OWN_NAMES.get(name, name) for name in names} for names in source["findings"]]
    assert table["findings"].map(set).tolist() == expected
    assert table["sex"].tolist() == source["sex"].tolist()
    np.testing.assert_allclose(table["age"], np.floor(source["age"]))
    assert (table["view"] == "PA").all()
    assert table["patient_id"].tolist() == table["image_id"].tolist()
    assert (table["split"] == "test").tolist() == (source["split"] == "test").tolist()
    assert "VinDr-CXR names no patients: each film counts as one" in result.notes[-1]
    assert table["path"].iloc[0].endswith(f"{ids['image_id'].iloc[0]}.dicom")
    for new, old in zip(table["path"], source["path"], strict=True):
        np.testing.assert_allclose(read_pixels(new), read_pixels(old), atol=1 / 255)
    image_of = dict(zip(ids["source_id"], ids["image_id"], strict=True))
    wanted = {(image_of[i], OWN_NAMES.get(f, f)) for i, f in boxes[["image_id", "finding"]].values}
    assert set(map(tuple, result.regions[["image_id", "finding"]].values)) == wanted
    assert (result.regions[["x", "y", "width", "height"]].to_numpy() == [3.0, 4.5, 10.0, 12.0]).all()


def test_how_many_radiologists_must_agree(frontal, tmp_path):
    source, boxes = frontal
    ids = write_vindr(source, boxes, tmp_path).set_index("source_id")["image_id"]
    train = source[(source["split"] != "test") & (source["findings"].str[0] != "No Finding")]
    for radiologists in (1, 2, 3):
        result = import_dataset("vindr-cxr", tmp_path, radiologists=radiologists, headers=False)
        findings = result.studies.set_index("image_id")["findings"]
        of_train = findings.loc[ids.loc[train["image_id"]]]
        assert all(bool(names) == (radiologists < 3) for names in of_train)
        assert result.studies["sex"].isna().all()
        left_out = [note for note in result.notes if "boxes of findings that too few" in note]
        assert len(left_out) == (radiologists == 3)
    with pytest.raises(UserError, match="radiologists 4: three read each film"):
        import_dataset("vindr-cxr", tmp_path, radiologists=4)


def test_bad_rows_and_missing_files(tmp_path):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.dicom").write_bytes(b"x")
    (tmp_path / "annotations" / "image_labels_train.csv").write_text(
        "image_id,rad_id,Edema,Other diseases,No finding\na,R1,1,0,0\na,R2,1,1,0\na,R3,0,1,0\nb,R1,0,0,1\n"
    )
    (tmp_path / "annotations" / "annotations_train.csv").write_text(
        "image_id,rad_id,class_name,x_min,y_min,x_max,y_max\na,R1,Edema,1,2,5,9\na,R2,Edema,1,2,,\n"
        "a,R2,Edema,5,5,5,9\nb,R1,No finding,,,,\n"
    )
    result = import_dataset("vindr-cxr", tmp_path)
    assert result.studies["findings"].tolist() == [["Edema", "Other disease"]]
    assert result.regions[["x", "y", "width", "height"]].values.tolist() == [[1, 2, 4, 7]]
    assert result.skipped.to_frame()[["item", "row", "reason"]].values.tolist() == [
        ["b", 5, "no image file"],
        ["a", 3, "box without four corners (Edema)"],
        ["a", 4, "box without four corners (Edema)"],
    ]
    optional = import_dataset("vindr-cxr", tmp_path, images="optional", radiologists=1).studies
    assert optional["findings"].tolist() == [["Edema", "Other disease"], ["No Finding"]]
    with pytest.raises(UserError, match=r"no image_labels_train\.csv"):
        import_dataset("vindr-cxr", tmp_path / "train")
