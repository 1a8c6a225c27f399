"""A MIMIC-CXR-JPG of three images, written by hand as PhysioNet lays it out."""

from __future__ import annotations

from pathlib import Path

import pytest

TABLES = {
    "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv": [
        "dicom_id,subject_id,study_id,ViewPosition,StudyDate",
        "aa-1,10000001,50000001,PA,21800506",
        "aa-2,10000001,50000001,LL,21800506",
        "bb-1,11000002,50000002,AP,21500101",
    ],
    "mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv": [
        "dicom_id,study_id,subject_id,split",
        "aa-1,50000001,10000001,train",
        "aa-2,50000001,10000001,train",
        "bb-1,50000002,11000002,validate",
    ],
    "mimic-cxr-jpg/mimic-cxr-2.0.0-chexpert.csv": [
        "subject_id,study_id,Pleural Effusion,Pneumonia,No Finding",
        "10000001,50000001,1.0,-1.0,",
        "11000002,50000002,,,1.0",
    ],
    "mimic-iv/hosp/patients.csv": [
        "subject_id,gender,anchor_age,anchor_year",
        "10000001,F,52,2178",
    ],
    "mimic-cxr/files/p10/p10000001/s50000001.txt": ["IMPRESSION: Effusion."],
}


@pytest.fixture
def mimic(tmp_path: Path) -> Path:
    """The folder of mimic-cxr-jpg (images and tables), mimic-cxr (one report) and mimic-iv."""
    images = [line.split(",") for line in TABLES["mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv"][1:]]
    files = {name: "\n".join(lines) for name, lines in TABLES.items()}
    files |= {f"mimic-cxr-jpg/files/p{p[:2]}/p{p}/s{s}/{i}.jpg": "pixels" for i, p, s, *_ in images}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path
