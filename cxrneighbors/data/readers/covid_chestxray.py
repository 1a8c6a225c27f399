"""covid-chestxray-dataset (J. P. Cohen et al., 2020): X-rays of COVID-19 and other pneumonias with notes."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pandas as pd

from cxrneighbors.data.csv_rows import ROW, optional_column, read_csv_rows, require_column
from cxrneighbors.data.imports import ImportResult, require_root
from cxrneighbors.data.patients import parse_ages, parse_sex
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import patient_split
from cxrneighbors.data.views import normalise_view

# What the finding column says when there is no label.
_NOT_LABELLED = {"", "todo", "unknown", "n/a", "nan"}
# Notes that only say whose picture it is.
_CREDIT = re.compile(
    r"^(?:case courtesy of|credit to|courtesy of|image originally shared)\b.*", re.IGNORECASE | re.S
)


def read(root: Path, other_notes: bool = True, seed: int = 0) -> ImportResult:
    """Read `metadata.csv` and `images/` below `root`.

    `image_id` is the file name; the study is patient and day (`offset`; an unknown day is one study). Rows
    that are no X-ray (CT), lack their file or repeat a file name are skipped. Patients who share an image
    file were entered twice: they count as one patient, under the first id, so that no split or search
    takes one for a stranger of the other.

    Findings: a cell is split at commas, and every level of a path such as 'Pneumonia/Viral/COVID-19' is a
    finding; 'todo', 'Unknown' and blank mean not labelled. The report is `clinical_notes`, with
    `other_notes` after it unless those are a credit line or `other_notes=False`; the notes have no headings
    and often name the diagnosis. The view 'AP Supine' gives AP and supine.

    Raises `UserError` for a missing root, table or column.
    """
    root = require_root(root, "covid-chestxray")
    source = root if root.is_file() else root / "metadata.csv"
    root = source.parent
    skipped = Skipped()
    notes: list[str] = []
    table = read_csv_rows(source, skipped, notes)
    names = require_column(table, ["filename"], source)
    require_column(table, ["patientid"], source)
    require_column(table, ["finding"], source)
    merged = _merge_patients(table, names, notes)
    kept, paths = _usable_rows(root, table, names, skipped)
    table, patients = table.iloc[kept].reset_index(drop=True), [merged[position] for position in kept]
    image_ids = [Path(name).name for name in table[names]]
    views = [normalise_view(view) for view in optional_column(table, ["view"])]
    days = [day.removesuffix(".0") or "?" for day in optional_column(table, ["offset"])]
    studies = pd.DataFrame(
        {
            "image_id": image_ids,
            "path": paths,
            "patient_id": patients,
            "study_id": [f"{patient}@{day}" for patient, day in zip(patients, days, strict=True)],
            "view": [view for view, _ in views],
            "position": [position for _, position in views],
            "sex": [parse_sex(sex) for sex in optional_column(table, ["sex"])],
            "age": parse_ages(optional_column(table, ["age"]), image_ids, notes),
            "findings": [split_findings(cell) for cell in table["finding"]],
            "report": _reports(table, other_notes),
            "split": patient_split(patients, seed=seed),
            "dataset": "covid-chestxray",
        }
    )
    return ImportResult(studies, skipped=skipped, notes=notes)


def split_findings(cell: str) -> list[str]:
    """The findings that a cell names, in order, each once.

    >>> split_findings("Pneumonia/Viral/COVID-19, ARDS"), split_findings("todo")
    (['Pneumonia', 'Viral', 'COVID-19', 'ARDS'], [])
    """
    parts = [part.strip() for part in re.split(r"[,/]", cell)]
    return list(dict.fromkeys(part for part in parts if part.lower() not in _NOT_LABELLED))


def _merge_patients(table: pd.DataFrame, names: str, notes: list[str]) -> list[str]:
    """One id for patients that are linked by a shared file name: N str, the first id of each group."""
    leader: dict[str, str] = {}

    def lead(patient: str) -> str:
        while leader.setdefault(patient, patient) != patient:
            patient = leader[patient]
        return patient

    owner: dict[str, str] = {}
    for name, patient in zip(table[names], table["patientid"], strict=True):
        first, other = lead(owner.setdefault(name, patient)), lead(patient)
        if name and patient and first != other:
            leader[other] = first
            notes.append(
                f"patient {other} shares the image {name} with patient {first}: taken as one patient"
            )
    return [lead(patient) for patient in table["patientid"]]


def _usable_rows(
    root: Path, table: pd.DataFrame, names: str, skipped: Skipped
) -> tuple[list[int], list[str]]:
    """Positions of the rows that can become studies, and their image paths; the others go to `skipped`."""
    modalities = optional_column(table, ["modality"])
    folders = [folder or "images" for folder in optional_column(table, ["folder"])]
    kept: list[int] = []
    paths: list[str] = []
    seen: set[str] = set()
    for position, name in enumerate(table[names]):
        path = os.path.join(root, folders[position], name)
        if not name or not table["patientid"].iloc[position]:
            reason: str | None = "no file name or no patient id"
        elif modalities[position] and modalities[position].lower().replace("-", "") != "xray":
            reason = f"no X-ray (modality {modalities[position]})"
        elif Path(name).name in seen:
            reason = "duplicate file name"
        else:
            reason = _file_trouble(path)
        if reason:
            skipped.add(name or "?", reason, row=int(table[ROW].iloc[position]))
            continue
        seen.add(Path(name).name)
        kept.append(position)
        paths.append(path)
    return kept, paths


def _file_trouble(path: str) -> str | None:
    try:
        return None if os.stat(path).st_size else "image file is empty (0 bytes)"
    except OSError:
        return "no image file"


def _reports(table: pd.DataFrame, other_notes: bool) -> list[str | None]:
    reports: list[str | None] = []
    others = optional_column(table, ["other_notes"]) if other_notes else [""] * len(table)
    for note, other in zip(optional_column(table, ["clinical_notes"]), others, strict=True):
        parts = [note, "" if _CREDIT.match(other) or other in note else other]
        reports.append("\n\n".join(part for part in parts if part) or None)
    return reports
