"""The CSVs of a tree of MIMIC-CXR's shape."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.csv_text import csv_text
from cxrneighbors.data.mimic.labels import label_names
from cxrneighbors.data.mimic.layout import image_file, report_file
from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.data.splits import uniform_hash
from cxrneighbors.files import write_bytes_atomic

_VERSION = "2.0.0"
_METADATA = (
    "dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription", "ViewPosition", "Rows",
    "Columns", "StudyDate", "StudyTime",
)  # fmt: skip
_CODE_SEQUENCES = {
    f"{name}CodeSequence": f"{name}CodeSequence_CodeMeaning"
    for name in ("Procedure", "View", "PatientOrientation")
}
_SPLIT = {"train": "train", "val": "validate", "test": "test"}
_STATUS = {"present": "1.0", "absent": "0.0", "uncertain": "-1.0"}
# Shares of the absent findings that the chexpert table mentions, and of the present ones of which negbio is
# uncertain.
_MENTIONED, _DOUBTED = 0.3, 0.2


def write_lists(root: Path, rows: pd.DataFrame) -> None:
    """cxr-record-list.csv.gz and cxr-study-list.csv.gz of the DICOM form."""
    records = [
        (p, s, i, "files/" + image_file(p, s, i, ".dcm"))
        for p, s, i in zip(rows["patient_id"], rows["study_id"], rows["image_id"], strict=True)
    ]
    _write(root / "cxr-record-list.csv.gz", records, ["subject_id", "study_id", "dicom_id", "path"])
    pairs = rows[["patient_id", "study_id"]].drop_duplicates("study_id")
    studies = [(p, s, "files/" + report_file(p, s)) for p, s in pairs.itertuples(index=False)]
    _write(root / "cxr-study-list.csv.gz", studies, ["subject_id", "study_id", "path"])


def write_jpg_tables(
    root: Path, rows: pd.DataFrame, texts: dict[tuple[str, str], str], labels: str, seed: int
) -> list[str]:
    """Metadata, split, chexpert and negbio of the JPG form; returns notes on labels that no column has."""
    named = rows.rename(columns={"image_id": "dicom_id", "patient_id": "subject_id"})
    named["split"] = named["split"].map(_SPLIT)
    named["ProcedureCodeSequence"] = named["PerformedProcedureStepDescription"]
    metadata = named[[*_METADATA, *_CODE_SEQUENCES]].rename(
        columns=lambda name: _CODE_SEQUENCES.get(name, name)
    )
    _write_frame(root / f"mimic-cxr-{_VERSION}-metadata.csv.gz", metadata)
    split = named[["dicom_id", "study_id", "subject_id", "split"]]
    _write_frame(root / f"mimic-cxr-{_VERSION}-split.csv.gz", split)
    pairs = rows[["patient_id", "study_id"]].drop_duplicates("study_id")
    keys = [(str(p), str(s)) for p, s in pairs.itertuples(index=False)]
    notes: list[str] = []
    if labels == "reports":
        cells = {key: _from_report(texts.get(key, "")) for key in keys}
    else:
        cells = _from_findings(rows, seed, notes)
    columns = ["subject_id", "study_id", *label_names()["names"]]
    for labeler in ("chexpert", "negbio"):
        table = [(*key, *_row(cells[key], labeler, key[1], seed)) for key in keys]
        _write(root / f"mimic-cxr-{_VERSION}-{labeler}.csv.gz", table, columns)
    return notes


def write_patients(root: Path, rows: pd.DataFrame) -> None:
    """MIMIC-IV's patients.csv.gz; patients of unknown sex and age are not in it, unknown ages are blank."""
    table = []
    for patient, own in rows.groupby("patient_id", sort=True):
        age = own["anchor_age"].iloc[0]
        sexes = own["sex"].dropna()
        sex = sexes.iloc[0] if len(sexes) else ""
        anchors = ("", "") if math.isnan(age) else (int(age), int(own["anchor_year"].iloc[0]))
        if sex or anchors[0] != "":
            table.append((patient, sex, *anchors, "2014 - 2016", ""))
    columns = ["subject_id", "gender", "anchor_age", "anchor_year", "anchor_year_group", "dod"]
    _write(root / "patients.csv.gz", table, columns)


def observation_of(finding: str) -> str | None:
    """The observation that a finding is written as; None where there is none.

    >>> observation_of("Effusion"), observation_of("COVID-19"), observation_of("Hernia")
    ('Pleural Effusion', 'Pneumonia', None)
    """
    rules = label_names()
    own = {finding: observation for observation, finding in rules["names"].items()}
    return own.get(finding) or rules["written_as"].get(finding)


def _from_findings(rows: pd.DataFrame, seed: int, notes: list[str]) -> dict[tuple[str, str], dict[str, str]]:
    """Labels of each study from the findings of its images: '1.0', and '0.0' for some that are absent."""
    lost: dict[str, int] = {}
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for (subject, study), own in rows.groupby(["patient_id", "study_id"], sort=False):
        findings = {name for names in own["findings"] for name in names}
        present = {observation_of(name) for name in findings}
        for name in findings:
            if observation_of(name) is None:
                lost[name] = lost.get(name, 0) + 1
        diseases = present - {None, NO_FINDING, "Support Devices"}
        values = {name: "1.0" for name in present if name and not (name == NO_FINDING and diseases)}
        for name in label_names()["names"] if values else ():
            if name not in (NO_FINDING, *values) and uniform_hash(f"{study}{name}", seed) < _MENTIONED:
                values[name] = "0.0"
        cells[(str(subject), str(study))] = values
    if lost:
        shown = ", ".join(f"{name} ({count})" for name, count in sorted(lost.items()))
        notes.append(f"findings that no observation stands for are not among the labels: {shown}")
    return cells


def _from_report(text: str) -> dict[str, str]:
    """Labels as the package's labeler reads them; "No Finding" is 1 or blank, as in the published tables."""
    from cxrneighbors.reports.labeler.labels import label_report

    names = label_names()["names"]
    labels = {label.finding: _STATUS[label.status] for label in label_report(text)} if text else {}
    return {
        name: status
        for name, status in labels.items()
        if name in names and (name != NO_FINDING or status == "1.0")
    }


def _row(cells: dict[str, str], labeler: str, study: str, seed: int) -> list[str]:
    values = []
    for name in label_names()["names"]:
        value = cells.get(name, "")
        doubted = value == "1.0" and name != NO_FINDING and uniform_hash(f"{study}{name}?", seed) < _DOUBTED
        values.append("-1.0" if labeler == "negbio" and doubted else value)
    return values


def _write(path: Path, rows: list[Any], columns: list[str]) -> None:
    _write_frame(path, pd.DataFrame(rows, columns=columns))


def _write_frame(path: Path, frame: pd.DataFrame) -> None:
    text = csv_text(frame)
    write_bytes_atomic(path, gzip.compress(text.encode("utf-8"), mtime=0))
