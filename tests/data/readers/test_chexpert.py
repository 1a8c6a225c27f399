import numpy as np
import pytest

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.errors import UserError
from cxrneighbors.testing.published_trees import write_chexpert

HEADER = (
    "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,"
    "Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,"
    "Fracture,Support Devices"
)
OWN_NAMES = {"Mass": "Lung Lesion", "Nodule": "Lung Lesion", "Pleural_Thickening": "Pleural Other"}


def hand_made(root, *rows, name="train.csv"):
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("\n".join([HEADER, *rows]) + "\n")
    for row in rows:
        path = root.parent / row.split(",")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"pixels")
    return root


ROWS = [
    "CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,,,,,,,,0.0,,,,1.0",
    "CheXpert-v1.0-small/train/patient00002/study2/view1_frontal.jpg,Male,87,Frontal,PA,,,-1.0,1.0,,-1.0,,,,,1.0,,,",
    "CheXpert-v1.0-small/train/patient00002/study2/view2_lateral.jpg,Male,87,Lateral,,,,-1.0,0.0,,-1.0,,,,,0.0,,,",
]


def test_rows_as_published(tmp_path):
    result = import_dataset("chexpert", hand_made(tmp_path / "CheXpert-v1.0-small", *ROWS))
    table = result.studies
    assert table["image_id"].tolist() == [
        "patient00001_study1_view1_frontal",
        "patient00002_study2_view1_frontal",
        "patient00002_study2_view2_lateral",
    ]
    assert table["path"].tolist() == [str(tmp_path / row.split(",")[0]) for row in ROWS]
    assert table["patient_id"].tolist() == ["patient00001", "patient00002", "patient00002"]
    assert table["study_id"].tolist()[1:] == ["patient00002_study2"] * 2
    assert table["view"].tolist() == ["AP", "PA", "LATERAL"] and table["sex"].tolist() == ["F", "M", "M"]
    assert table["age"].tolist() == [68, 87, 87]
    assert table["findings"].tolist() == [["No Finding", "Support Devices"], ["Lung Opacity", "Effusion"], []]
    assert table["uncertain_findings"].tolist() == ["", "Cardiomegaly|Edema", "Cardiomegaly|Edema"]
    assert table["split"].tolist() == ["train"] * 3
    assert result.notes == ["no test.csv: no image is in split test; --splits patients draws one"]


@pytest.mark.parametrize(
    ("uncertain", "findings"),
    [
        ("positive", [["Cardiomegaly", "Lung Opacity", "Edema", "Effusion"], ["Cardiomegaly", "Edema"]]),
        ("negative", [["Lung Opacity", "Effusion"], ["No Finding"]]),
    ],
)
def test_what_uncertain_means(tmp_path, uncertain, findings):
    root = hand_made(tmp_path / "CheXpert-v1.0-small", *ROWS)
    table = import_dataset("chexpert", root, uncertain=uncertain).studies
    assert [sorted(names) for names in table["findings"].tolist()[1:]] == [
        sorted(names) for names in findings
    ]


def test_a_tree_of_phantoms_comes_back(phantoms, tmp_path):
    write_chexpert(phantoms.studies, tmp_path)
    (tmp_path / "CheXpert-v1.0-small").rename(tmp_path / "mine")
    table = import_dataset("chexpert", tmp_path / "mine").studies
    source = phantoms.studies.sort_values("split", key=lambda split: split == "val", kind="stable")
    assert table["findings"].map(set).tolist() == [
        {OWN_NAMES.get(name, name) for name in names} - {"Emphysema"} for names in source["findings"]
    ]
    for column in ("view", "sex"):
        assert table[column].tolist() == source[column].tolist()
    np.testing.assert_allclose(table["age"], np.floor(source["age"]))
    assert table["patient_id"].nunique() == source["patient_id"].nunique()
    assert set(table["split"]) == {"train", "val"}
    for new, old in zip(table["path"], source["path"], strict=True):
        assert np.abs(read_pixels(new) - read_pixels(old)).mean() < 0.05  # JPEG
    drawn = import_dataset("chexpert", tmp_path / "mine", splits="patients").studies
    assert drawn.groupby("patient_id")["split"].nunique().eq(1).all()


def test_missing_files(tmp_path):
    root = hand_made(tmp_path / "CheXpert-v1.0-small", *ROWS)
    (root / "train" / "patient00001" / "study1" / "view1_frontal.jpg").unlink()
    result = import_dataset("chexpert", root)
    assert len(result.studies) == 2
    assert result.skipped.to_frame()[["row", "reason"]].values.tolist() == [[2, "no image file"]]
    assert import_dataset("chexpert", root, images="optional").studies["path"].isna().tolist() == [
        True,
        False,
        False,
    ]
    with pytest.raises(UserError, match=r"no train\.csv or valid\.csv"):
        import_dataset("chexpert", tmp_path)
    hand_made(tmp_path / "other", *ROWS)
    with pytest.raises(UserError, match="none of the 3 images of its tables is below it"):
        import_dataset("chexpert", tmp_path / "other")
