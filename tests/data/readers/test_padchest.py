import gzip

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.data.readers.padchest import name_labels
from cxrneighbors.errors import UserError
from cxrneighbors.testing.published_trees import write_padchest

NAME = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
HEADER = (
    ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,ViewPosition_DICOM,"
    "Projection,MethodProjection,Pediatric,Modality_DICOM,ReportID,Report,MethodLabel,Labels,Localizations"
)
ROWS = [
    "0,1_a.png,0,20140915,s1,p1,1930.0,F,PA,PA,Manual,No,CR,1,sin hallazg . ,Physician,\"['normal']\",",
    "1,1_b.png,1,20140915,s1,p1,1930.0,F,LATERAL,L,Manual,No,CR,1,sin hallazg . ,Physician,['normal'],",
    "2,2_a.png,0,20150101,s2,p2,,O,,AP_horizontal,Manual,No,DX,2,derram . ,RNN_model,"
    "\"['pleural effusion', ' scoliosis', 'unchanged']\",",
    "3,3_a.png,0,20150101,s3,p3,2016.0,M,,COSTAL,Manual,No,DX,3,,RNN_model,"
    "\"['exclude', 'suboptimal study']\",",
    "4,4_a.png,0,20150101,s4,p4,1990.0,M,,EXCLUDE,Manual,No,DX,4,,RNN_model,['normal'],",
    "5,5_a.png,0,20150101,s5,p5,1990.0,M,,PA,Manual,No,DX,5,,RNN_model,nan,",
    '6,6_a.png,0,20150101,s6,p6,1990.0,M,,PA,Manual,No,DX,6,,RNN_model,"[\'mass",',
]


@pytest.fixture
def root(tmp_path):
    (tmp_path / NAME).write_text("\n".join([HEADER, *ROWS]) + "\n")
    for row in ROWS:
        name, folder = row.split(",")[1:3]
        (tmp_path / folder).mkdir(exist_ok=True)
        Image.fromarray(np.full((4, 4), 32768, np.uint16)).save(tmp_path / folder / name)
    return tmp_path


def test_rows_as_published(root):
    result = import_dataset("padchest", root)
    table = result.studies
    assert table["image_id"].tolist() == ["1_a.png", "1_b.png", "2_a.png", "3_a.png", "5_a.png", "6_a.png"]
    assert table["path"].iloc[1] == str(root / "1" / "1_b.png")
    assert table["patient_id"].tolist()[:3] == ["p1", "p1", "p2"] and table["study_id"].iloc[0] == "s1"
    assert table["view"].tolist()[:4] == ["PA", "LATERAL", "AP", "UNKNOWN"]
    assert table["position"].tolist()[:3] == ["unknown", "unknown", "supine"]
    assert table["sex"].tolist()[:4] == ["F", "F", None, "M"]
    np.testing.assert_array_equal(table["age"], [84, 84, np.nan, np.nan, 25, 25])
    assert table["findings"].tolist() == [
        ["No Finding"],
        ["No Finding"],
        ["Effusion", "scoliosis"],
        [],
        [],
        [],
    ]
    assert table["report"].tolist()[:4] == ["sin hallazg .", "sin hallazg .", "derram .", None]
    assert table["label_source"].tolist()[1:3] == ["Physician", "RNN_model"]
    assert result.notes[0] == "1 cells of Labels are no lists and count as not labelled"
    assert result.skipped.to_frame()[["item", "reason"]].values.tolist() == [
        ["4_a.png", "projection EXCLUDE"]
    ]
    assert abs(read_pixels(table["path"].iloc[0]).mean() - 0.5) < 1e-4


def test_a_tree_of_phantoms_comes_back(phantoms, tmp_path):
    write_padchest(phantoms.studies, tmp_path)
    table, source = import_dataset("padchest", tmp_path).studies, phantoms.studies
    for column in ("view", "sex"):
        assert table[column].tolist() == source[column].tolist()
    assert (table["position"] == "supine").tolist() == (source["position"] == "supine").tolist()
    np.testing.assert_allclose(table["age"], np.floor(source["age"]))
    known = source["findings"].map(lambda names: set(names) - {"Fracture"})
    assert table["findings"].map(lambda names: set(names) - {"fracture"}).tolist() == known.tolist()
    assert table.groupby("patient_id").ngroup().tolist() == source.groupby("patient_id").ngroup().tolist()
    for new, old in zip(table["path"], source["path"], strict=True):
        np.testing.assert_allclose(read_pixels(new), read_pixels(old), atol=1e-4)


def test_labels_by_the_names_of_chestxray14():
    assert name_labels(["normal", "pleural effusion", "pleural effusion"]) == ["Effusion"]
    assert name_labels(["hiatal hernia", "pulmonary mass", "COPD signs"]) == ["Hernia", "Mass", "copd signs"]
    assert name_labels(["unchanged", "exclude"]) == []


def test_files_missing_or_packed(root):
    (root / "0" / "2_a.png").unlink()
    text = (root / NAME).read_bytes()
    (root / NAME).unlink()
    with pytest.raises(UserError, match=r"no PADCHEST_chest_x_ray_images_labels_160K\*\.csv"):
        import_dataset("padchest", root)
    (root / f"{NAME}.gz").write_bytes(gzip.compress(text))
    assert "2_a.png" not in import_dataset("padchest", root).studies["image_id"].tolist()
    optional = import_dataset("padchest", root, images="optional").studies
    assert optional.set_index("image_id")["path"].isna()["2_a.png"]
    (root / "labels").mkdir()
    (root / f"{NAME}.gz").rename(root / "labels" / NAME.replace(".csv", ".csv.gz"))
    with pytest.raises(UserError, match="none of the 7 images"):
        import_dataset("padchest", root / "labels")
