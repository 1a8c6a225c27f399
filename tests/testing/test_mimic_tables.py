import numpy as np
import pandas as pd
import pytest

from cxrneighbors.data.mimic.labels import label_names
from cxrneighbors.testing.mimic_tables import observation_of, write_jpg_tables, write_lists, write_patients


def table(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


@pytest.fixture
def rows():
    """Four images of three studies of three patients, shaped as `mimic_ids.shape_rows` does."""
    return pd.DataFrame(
        {
            "image_id": ["a1", "a2", "b1", "c1"],
            "patient_id": ["10000001", "10000001", "11000002", "12000003"],
            "study_id": ["50000001", "50000001", "50000002", "50000003"],
            "sex": ["F", "F", None, None],
            "anchor_age": [52.0, 52.0, np.nan, 30.0],
            "anchor_year": [2150, 2150, 2160, 2170],
            "findings": [["Effusion"], ["COVID-19", "Hernia", "No Finding"], ["No Finding"], []],
            "split": ["train", "train", "val", "test"],
            "PerformedProcedureStepDescription": ["CHEST (PA AND LAT)", "", "", ""],
            "ViewPosition": ["PA", "LL", "AP", ""],
            "ViewCodeSequence": ["postero-anterior", "lateral", "", ""],
            "PatientOrientationCodeSequence": "Erect",
            "Rows": 10,
            "Columns": 20,
            "StudyDate": "21500101",
            "StudyTime": "103014.531",
        }
    )


def test_lists(rows, tmp_path):
    write_lists(tmp_path, rows)
    records = table(tmp_path / "cxr-record-list.csv.gz")
    assert records.iloc[1].tolist() == [
        "10000001", "50000001", "a2", "files/p10/p10000001/s50000001/a2.dcm",
    ]  # fmt: skip
    assert table(tmp_path / "cxr-study-list.csv.gz")["path"].tolist() == [
        "files/p10/p10000001/s50000001.txt", "files/p11/p11000002/s50000002.txt",
        "files/p12/p12000003/s50000003.txt",
    ]  # fmt: skip


def test_labels_of_a_study_are_those_of_all_its_images(rows, tmp_path):
    notes = write_jpg_tables(tmp_path, rows, {}, "findings", seed=0)
    assert notes == ["findings that no observation stands for are not among the labels: Hernia (1)"]
    chexpert = table(tmp_path / "mimic-cxr-2.0.0-chexpert.csv.gz").set_index("study_id")
    assert list(chexpert.columns[1:]) == list(label_names()["names"]) and len(chexpert) == 3
    present = {study: set(chexpert.columns[row == "1.0"]) for study, row in chexpert.iterrows()}
    assert present == {
        "50000001": {"Pleural Effusion", "Pneumonia"}, "50000002": {"No Finding"}, "50000003": set(),
    }  # fmt: skip
    assert set(chexpert.iloc[:2, 1:].to_numpy().ravel()) == {"", "0.0", "1.0"}
    assert (chexpert.loc["50000003"].iloc[1:] == "").all()  # not labelled: blank, not absent


def test_what_is_present_stays_so_whatever_the_seed(rows, tmp_path):
    for seed in range(8):
        write_jpg_tables(tmp_path, rows, {}, "findings", seed)
        chexpert = table(tmp_path / "mimic-cxr-2.0.0-chexpert.csv.gz").set_index("study_id")
        negbio = table(tmp_path / "mimic-cxr-2.0.0-negbio.csv.gz").set_index("study_id")
        assert (chexpert.loc["50000001", ["Pleural Effusion", "Pneumonia"]] == "1.0").all()
        changed = (chexpert != negbio).to_numpy()
        assert (chexpert.to_numpy()[changed] == "1.0").all() and (negbio.to_numpy()[changed] == "-1.0").all()


def test_labels_from_reports(rows, tmp_path):
    texts = {("10000001", "50000001"): "No edema. Large effusion.", ("11000002", "50000002"): "Clear lungs."}
    write_jpg_tables(tmp_path, rows, texts, "reports", seed=0)
    chexpert = table(tmp_path / "mimic-cxr-2.0.0-chexpert.csv.gz").set_index("study_id")
    assert chexpert.loc["50000001", ["Edema", "Pleural Effusion", "No Finding"]].tolist() == [
        "0.0",
        "1.0",
        "",
    ]
    assert chexpert["No Finding"].tolist() == ["", "1.0", ""]


def test_metadata_and_split_have_the_published_columns(rows, tmp_path):
    write_jpg_tables(tmp_path, rows, {}, "findings", seed=0)
    metadata = table(tmp_path / "mimic-cxr-2.0.0-metadata.csv.gz")
    sequences = ("Procedure", "View", "PatientOrientation")
    assert list(metadata.columns) == [
        "dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription", "ViewPosition", "Rows",
        "Columns", "StudyDate", "StudyTime", *(f"{name}CodeSequence_CodeMeaning" for name in sequences),
    ]  # fmt: skip
    assert metadata["ViewCodeSequence_CodeMeaning"].tolist() == ["postero-anterior", "lateral", "", ""]
    split = table(tmp_path / "mimic-cxr-2.0.0-split.csv.gz")
    assert split["split"].tolist() == ["train", "train", "validate", "test"]


def test_patients_of_whom_nothing_is_known_are_left_out(rows, tmp_path):
    write_patients(tmp_path, rows)
    patients = table(tmp_path / "patients.csv.gz")
    assert patients.iloc[:, :4].values.tolist() == [
        ["10000001", "F", "52", "2150"], ["12000003", "", "30", "2170"],
    ]  # fmt: skip


def test_every_observation_stands_for_itself():
    for observation, finding in label_names()["names"].items():
        assert observation_of(finding) == observation
    assert observation_of("Hernia") is None
