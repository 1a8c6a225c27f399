import numpy as np
import pytest
from PIL import Image

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.readers.covid_chestxray import split_findings
from cxrneighbors.errors import UserError

HEADER = "patientid,offset,sex,age,finding,view,modality,folder,filename,clinical_notes,other_notes\n"


@pytest.fixture
def make(tmp_path):
    def build(*rows, images=(), encoding="utf-8"):
        (tmp_path / "metadata.csv").write_bytes((HEADER + "\n".join(rows) + "\n").encode(encoding))
        (tmp_path / "images").mkdir(exist_ok=True)
        for name in images:
            Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "images" / name)
        return import_dataset("covid-chestxray", tmp_path)

    return build


def reasons(result):
    frame = result.skipped.to_frame()
    return dict(zip(frame["item"], frame["reason"], strict=True))


def test_columns(make, tmp_path):
    result = make(
        '2,0,M,65,COVID-19,PA,X-ray,images,a.png,"Fever, cough.",Discharged.',
        "2,3.0,M,65.5,todo,AP Supine,X-ray,images,b.png,,Case courtesy of Dr Who",
        "10b,,,,Pneumonia/Viral/SARS,L,X-ray,images,c.png,,",
        images=["a.png", "b.png", "c.png"],
    )
    table = result.studies
    assert table["image_id"].tolist() == ["a.png", "b.png", "c.png"]
    assert table["path"].iloc[0] == str(tmp_path / "images" / "a.png")
    assert table["patient_id"].tolist() == ["2", "2", "10b"]
    assert table["study_id"].tolist() == ["2@0", "2@3", "10b@?"]
    assert table["view"].tolist() == ["PA", "AP", "LATERAL"]
    assert table["position"].tolist() == ["unknown", "supine", "unknown"]
    assert table["sex"].tolist() == ["M", "M", None]
    np.testing.assert_array_equal(table["age"], [65, 65.5, np.nan])
    assert table["findings"].tolist() == [["COVID-19"], [], ["Pneumonia", "Viral", "SARS"]]
    assert table["report"].tolist() == ["Fever, cough.\n\nDischarged.", None, None]
    assert len(result.skipped) == 0 and result.notes == [
        "reports are read by: whole (1); 100.0 % of their text lies in no section"
    ]
    assert import_dataset("covid-chestxray", tmp_path / "metadata.csv").studies.equals(table)
    alone = import_dataset("covid-chestxray", tmp_path, other_notes=False).studies
    assert alone["report"].tolist() == ["Fever, cough.", None, None]


def test_bad_rows_are_listed_and_the_rest_kept(make, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "e.png").touch()
    result = make(
        "1,0,M,65,COVID-19,PA,X-ray,images,a.png,,",
        "1,0,M,65,COVID-19,Axial,CT,volumes,b.nii.gz,,",
        "1,0,M,65,COVID-19,PA,X-ray,images,c.png,,",
        "1,0,M,65,COVID-19,PA,X-ray,images,a.png,,",
        "1,0,M,65,COVID-19,PA,X-ray,images,e.png,,",
        ",0,M,65,COVID-19,PA,X-ray,images,f.png,,",
        images=["a.png"],
    )
    assert result.studies["image_id"].tolist() == ["a.png"]
    assert reasons(result) == {
        "b.nii.gz": "no X-ray (modality CT)",
        "c.png": "no image file",
        "a.png": "duplicate file name",
        "e.png": "image file is empty (0 bytes)",
        "f.png": "no file name or no patient id",
    }
    assert result.skipped.to_frame()["row"].tolist() == [3, 4, 5, 6, 7]


def test_patients_that_share_an_image_are_one(make):
    result = make(
        "1,0,M,65,SARS,PA,X-ray,images,a.png,,",
        "2,0,M,65,SARS,PA,X-ray,images,a.png,,",
        "2,9,M,65,SARS,PA,X-ray,images,b.png,,",
        "3,9,M,65,SARS,PA,X-ray,images,b.png,,",
        "3,8,M,65,SARS,PA,X-ray,images,c.png,,",
        images=["a.png", "b.png", "c.png"],
    )
    assert result.studies["patient_id"].tolist() == ["1", "1", "1"]
    assert len(result.notes) == 2 and "patient 2 shares the image a.png with patient 1" in result.notes[0]


def test_text_that_is_no_utf8(make):
    result = make("1,0,M,65,SARS,PA,X-ray,images,a.png,39°C,", images=["a.png"], encoding="cp1252")
    assert result.studies["report"].tolist() == ["39°C"]
    assert "Windows-1252" in result.notes[0]


@pytest.mark.parametrize(
    ("cell", "findings"),
    [
        ("COVID-19, ARDS", ["COVID-19", "ARDS"]),
        ("Pneumonia/Bacterial/E.Coli", ["Pneumonia", "Bacterial", "E.Coli"]),
        ("Pneumonia/Viral, Pneumonia", ["Pneumonia", "Viral"]),
        ("No Finding", ["No Finding"]),
        ("todo", []),
        ("Unknown", []),
        ("", []),
    ],
)
def test_finding_cells(cell, findings):
    assert split_findings(cell) == findings


@pytest.mark.parametrize("column", ["filename", "patientid", "finding"])
def test_missing_column(tmp_path, column):
    (tmp_path / "metadata.csv").write_text(HEADER.replace(column, "x"))
    with pytest.raises(UserError, match=rf"metadata\.csv: column '{column}' is missing"):
        import_dataset("covid-chestxray", tmp_path)


def test_real_sample(shared_data):
    result = import_dataset("covid-chestxray", shared_data / "covid-chestxray")
    table = result.studies
    assert len(table) == 445 and table["patient_id"].nunique() == 238
    assert result.skipped.summary() == "5 skipped (5 duplicate file name)"
    assert table["view"].value_counts().to_dict() == {"PA": 204, "AP": 179, "LATERAL": 36, "UNKNOWN": 26}
    assert (table["position"] == "supine").sum() == 100
    counts = table["findings"].explode().value_counts()
    assert counts["COVID-19"] == 307 and "todo" not in counts
    assert (table["findings"].str.len() == 0).sum() == 56
    assert not table["report"].str.contains("courtesy of Dr", na=False).any()
