"""covid-chestxray-dataset (J. P. Cohen et al., 2020): X-rays of COVID-19 and other pneumonias with notes."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.content import first_linked
from cxrneighbors.data.csv_rows import ROW, optional_column, read_csv_rows, require_column, usable_rows
from cxrneighbors.data.imports import ImportResult, require_root
from cxrneighbors.data.patients import parse_ages, parse_sex
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import patient_split
from cxrneighbors.data.views import view_columns

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
    table = table.assign(patient=merged, path=_paths(root, table, names))
    table = table[_usable(table, names, skipped)].reset_index(drop=True)
    patients, image_ids = table["patient"].tolist(), [Path(name).name for name in table[names]]
    days = [day.removesuffix(".0") or "?" for day in optional_column(table, ["offset"])]
    studies = pd.DataFrame(
        {
            "image_id": image_ids,
            "path": table["path"],
            "patient_id": patients,
            "study_id": [f"{patient}@{day}" for patient, day in zip(patients, days, strict=True)],
            **view_columns(optional_column(table, ["view"])),
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
    patients = table["patientid"].tolist()
    # A blank cell links nobody.
    shared = [
        name if name and patient else f"/{row}"
        for name, patient, row in zip(table[names], patients, table[ROW], strict=True)
    ]
    linked = dict[str, str]()
    owner = dict[str, str]()
    for patient, name in zip(patients, shared, strict=True):
        first = owner.setdefault(name, patient)
        if first != patient and patient not in linked:
            linked[patient] = f"patient {patient} shares the image {name} with patient {first}"
    notes += [f"{text}: taken as one patient" for text in linked.values()]
    return first_linked(patients, shared)


def _paths(root: Path, table: pd.DataFrame, names: str) -> list[str]:
    folders = optional_column(table, ["folder"])
    return [
        os.path.join(root, folder or "images", name)
        for folder, name in zip(folders, table[names], strict=True)
    ]


def _usable(table: pd.DataFrame, names: str, skipped: Skipped) -> np.ndarray:
    """Rows that can become studies: bool (N,); the others go to `skipped`."""
    sizes = np.array([os.path.getsize(path) if os.path.exists(path) else -1 for path in table["path"]])
    kinds = pd.Series(optional_column(table, ["modality"]))
    other = ~kinds.str.lower().str.replace("-", "").isin(["", "xray"])
    blank = (table[names] == "") | (table["patientid"] == "")
    files = pd.Series([Path(name).name for name in table[names]])
    reasons = {
        "no file name or no patient id": blank,
        **{f"no X-ray (modality {kind})": kinds == kind for kind in kinds[other].unique()},
        "no image file": sizes < 0,
        "image file is empty (0 bytes)": sizes == 0,
    }
    usable = ~np.logical_or.reduce(list(reasons.values()))
    reasons["duplicate file name"] = files.where(usable).duplicated() & usable
    return usable_rows(table, table[names], reasons, skipped)


def _reports(table: pd.DataFrame, other_notes: bool) -> list[str | None]:
    reports: list[str | None] = []
    others = optional_column(table, ["other_notes"]) if other_notes else [""] * len(table)
    for note, other in zip(optional_column(table, ["clinical_notes"]), others, strict=True):
        parts = [note, "" if _CREDIT.match(other) or other in note else other]
        reports.append("\n\n".join(part for part in parts if part) or None)
    return reports
