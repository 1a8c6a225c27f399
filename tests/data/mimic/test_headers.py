import json

import numpy as np
import pytest

from cxrneighbors.data.mimic import headers
from cxrneighbors.data.mimic.headers import read_header, read_headers
from cxrneighbors.testing.dicom_file import Encoding, to_dataset

PLAIN = Encoding("uncompressed", "MONOCHROME1", 12, "none")
ATTRIBUTES = {
    "ViewPosition": "AP",
    "SeriesDescription": "Chest",
    "ViewCodeSequence": "antero-posterior",
    "PatientSex": "F",
    "PatientAge": "061Y",
}


def write(path, change=lambda dataset: None):
    dataset = to_dataset(np.zeros((20, 30)), PLAIN, "2.25.7", ATTRIBUTES)
    change(dataset)
    dataset.save_as(path, enforce_file_format=True)
    return str(path)


def test_what_is_read(tmp_path):
    header = read_header(write(tmp_path / "a.dcm"))
    assert header["trouble"] == ""
    assert (header["Rows"], header["Columns"], header["BitsStored"]) == (20, 30, 12)
    assert (header["ViewPosition"], header["ViewCodeSequence"]) == ("AP", "antero-posterior")
    assert (header["PatientSex"], header["PatientAge"]) == ("F", 61.0)
    assert header["PhotometricInterpretation"] == "MONOCHROME1"


def test_names_dates_and_identifiers_are_not_read(tmp_path):
    def plant(dataset):
        dataset.PatientName = "Planted^Name"
        dataset.ReferringPhysicianName = dataset.InstitutionName = "Planted"
        dataset.PatientBirthDate = dataset.StudyDate = "19570301"
        dataset.AccessionNumber = dataset.PatientID = "19570301"
        dataset.PatientSex = dataset.PhotometricInterpretation = "PLANTED"
        dataset.PatientAge = "Planted"

    said = json.dumps(read_header(write(tmp_path / "a.dcm", plant)))
    assert "lanted" not in said.lower() and "1957" not in said and "2.25" not in said


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda dataset: setattr(dataset, "Rows", 4000), "smaller than the pixels"),
        (lambda dataset: delattr(dataset, "PixelData"), "smaller than the pixels"),
        (lambda dataset: delattr(dataset, "Rows"), "without rows"),
    ],
)
def test_lying_headers(tmp_path, change, reason):
    assert reason in read_header(write(tmp_path / "a.dcm", change))["trouble"]


def test_no_dicom(tmp_path):
    (tmp_path / "a.dcm").write_text("Planted^Name " * 50)
    trouble = read_header(str(tmp_path / "a.dcm"))["trouble"]
    assert trouble.startswith("DICOM header cannot be read") and "Planted" not in trouble
    assert "FileNotFoundError" in read_header(str(tmp_path / "none.dcm"))["trouble"]


def test_programs_give_what_one_process_gives(tmp_path, monkeypatch):
    paths = [write(tmp_path / f"{number}.dcm") for number in range(5)] + [str(tmp_path / "none.dcm")]
    alone = read_headers(paths, workers=1)
    monkeypatch.setattr(headers, "_WORTH_A_PROCESS", 2)
    assert read_headers(paths, workers=2) == alone
