"""A CSV of your own and image files beside it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.data.csv_rows import ROW, read_csv_rows
from cxrneighbors.data.dicom import read_dicom_header
from cxrneighbors.data.imports import ImportResult, require_root
from cxrneighbors.data.patients import parse_ages, parse_sex
from cxrneighbors.data.schema import COLUMNS
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import patient_split
from cxrneighbors.data.views import POSITIONS, normalise_view
from cxrneighbors.errors import UserError
from cxrneighbors.reports.sections import parse_sections

_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "validate": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
_DICOM_SUFFIXES = (".dcm", ".dicom", ".dic")


def read(
    root: Path,
    csv: str = "studies.csv",
    columns: Mapping[str, str] | None = None,
    separator: str = "|",
    name: str = "folder",
    seed: int = 0,
) -> ImportResult:
    """Read `root/csv`, one row per image, with paths relative to `root`.

    `columns` maps names of the study table to names of the CSV, such as `{'image_id': 'Image'}`; what is not
    mapped is taken from a CSV column of the same name, if there is one. Keys that are no column of the study
    table become further columns, for predicates. Needed: `patient_id` and one of `path`, `image_id` (each
    stands in for the other where it is missing: the file's name as id, the id as file if such a file exists).

    `findings` are split at `separator`; a blank cell is not labelled. `report` is split into sections.
    `name` is what the column `dataset` says. `split` may be given (train, val, test); blank cells and tables
    without it get `splits.patient_split`. View, sex and age of DICOM files come from their header where the
    CSV has no such column.

    Skipped: rows with a missing or empty image file, without a patient, with a repeated `image_id` or an
    unknown split. Ages that cannot be understood become missing, which is noted.
    Raises `UserError` for a missing root, table or column.
    """
    root = require_root(root, "folder")
    source = root if root.is_file() else root / csv
    root = source.parent if root.is_file() else root
    skipped = Skipped()
    notes: list[str] = []
    table = _rename(read_csv_rows(source, skipped, notes), dict(columns or {}), source)
    for column, stand_in in (("patient_id", None), ("image_id", "path")):
        if column not in table and (stand_in is None or stand_in not in table):
            raise UserError(
                f"{source}: no column for {column!r}; name it with columns={{{column!r}: 'YOUR COLUMN'}}"
            )
    rows = _usable_rows(root, table, skipped)
    studies = _studies(rows, table, separator, name, notes)
    studies["split"] = _split(rows, seed, notes)
    return ImportResult(studies, skipped=skipped, notes=notes)


def _rename(table: pd.DataFrame, columns: dict[str, str], source: Path) -> pd.DataFrame:
    """CSV columns under the study table's names, and the further ones that `columns` asks for."""
    for name, column in columns.items():
        if column not in table.columns:
            found = ", ".join(str(column) for column in table.columns if column != ROW)
            raise UserError(
                f"{source}: column {column!r} (for {name!r}) is missing (found: {found}); correct columns"
            )
    used = {name: name for name in COLUMNS if name in table.columns} | columns
    renamed = {
        name: table[column].tolist() for name, column in used.items() if name not in ("sections", "dataset")
    }
    return pd.DataFrame({**renamed, ROW: table[ROW].tolist()}, dtype=object)


def _usable_rows(root: Path, table: pd.DataFrame, skipped: Skipped) -> list[dict[str, Any]]:
    """Rows that can become studies, with `image_id` and absolute `path` (None = no pixels) settled."""
    seen: set[str] = set()
    rows: list[dict[str, Any]] = []
    records: list[Any] = table.to_dict("records")
    for row in records:
        image_id = row.get("image_id") or Path(row.get("path") or "").name
        path, trouble = _locate(root, row)
        if not image_id or not row["patient_id"]:
            trouble = "no image id or no patient id"
        elif image_id in seen:
            trouble = "duplicate image_id"
        elif row.get("split", "").lower() not in ("", *_SPLITS):
            trouble = f"unknown split ({row['split']})"
        if trouble:
            skipped.add(image_id or "?", trouble, row=row[ROW])
            continue
        seen.add(image_id)
        rows.append({**row, "image_id": image_id, "path": path})
    return rows


def _locate(root: Path, row: dict[str, Any]) -> tuple[str | None, str | None]:
    """(path, what is wrong with it); a blank path cell, or no such column and no file, means no pixels."""
    named = "path" in row
    name = row["path"] if named else row["image_id"]
    path = os.path.abspath(os.path.join(root, name)) if name else None
    if path is None:
        return None, None
    if not os.path.isfile(path):
        return None, "no image file" if named else None
    if not os.path.getsize(path):
        return None, "image file is empty (0 bytes)"
    return path, None


def _studies(
    rows: list[dict[str, Any]], table: pd.DataFrame, separator: str, dataset: str, notes: list[str]
) -> pd.DataFrame:
    image_ids = [row["image_id"] for row in rows]
    headers = [_header(row, table) for row in rows]
    further = [column for column in table.columns if column not in COLUMNS and column != ROW]
    studies = pd.DataFrame(
        {
            "image_id": image_ids,
            "path": pd.Series([row["path"] for row in rows], dtype=object),
            "patient_id": [row["patient_id"] for row in rows],
            "study_id": [row.get("study_id") or row["image_id"] for row in rows],
            "view": [_view(row, header)[0] for row, header in zip(rows, headers, strict=True)],
            "position": [_view(row, header)[1] for row, header in zip(rows, headers, strict=True)],
            "sex": pd.Series(
                [
                    parse_sex(row.get("sex")) or header.get("sex")
                    for row, header in zip(rows, headers, strict=True)
                ],
                dtype=object,
            ),
            "age": _ages(rows, headers, image_ids, notes),
            "findings": [
                [part.strip() for part in row.get("findings", "").split(separator) if part.strip()]
                for row in rows
            ],
            "report": pd.Series([row.get("report") or None for row in rows], dtype=object),
            "sections": [
                parse_sections(row["report"]) or None if row.get("report") else None for row in rows
            ],
            "dataset": dataset,
        }
    )
    for column in further:
        studies[column] = _numbers_if_all([row[column] for row in rows])
    return studies


def _header(row: dict[str, Any], table: pd.DataFrame) -> dict[str, Any]:
    """View, position, sex and age of a DICOM file, as far as the CSV has no column for them."""
    wanted = {"view", "sex", "age"} - set(table.columns)
    if not wanted or not row["path"] or not row["path"].lower().endswith(_DICOM_SUFFIXES):
        return {}
    try:
        header = read_dicom_header(row["path"])
    except UserError:  # the pixels fail later and are listed there
        return {}
    wanted |= {"position"} if "view" in wanted else set()
    return {key: value for key, value in header.items() if key in wanted}


def _view(row: dict[str, Any], header: dict[str, Any]) -> tuple[str, str]:
    view, position = normalise_view(row.get("view"))
    view, position = header.get("view", view), header.get("position", position)
    given = (row.get("position") or "").lower()
    return view, given if given in POSITIONS else position


def _ages(
    rows: list[dict[str, Any]], headers: list[dict[str, Any]], image_ids: list[str], notes: list[str]
) -> list[float]:
    ages = parse_ages([row.get("age", "") for row in rows], image_ids, notes)
    return [
        header.get("age", age) if math.isnan(age) else age for age, header in zip(ages, headers, strict=True)
    ]


def _numbers_if_all(values: list[str]) -> pd.Series:
    """Numbers when every non-blank cell is one, otherwise texts with blanks as None."""
    filled = pd.Series([value or None for value in values], dtype=object)
    numbers = pd.to_numeric(filled, errors="coerce")
    return numbers if bool((numbers.notna() == filled.notna()).all()) and filled.notna().any() else filled


def _split(rows: list[dict[str, Any]], seed: int, notes: list[str]) -> list[str]:
    patients = [row["patient_id"] for row in rows]
    given = [_SPLITS.get(row.get("split", "").lower(), "") for row in rows]
    sides: dict[str, set[str]] = {}
    for patient, side in zip(patients, given, strict=True):
        if side:
            sides.setdefault(patient, set()).add(side)
    torn = [patient for patient, found in sides.items() if len(found) > 1]
    if torn:
        notes.append(f"{len(torn)} patients stand in more than one split, such as {torn[0]}: scores may leak")
    drawn = patient_split(patients, seed=seed)
    # A blank cell follows the patient's other images.
    return [
        side or min(sides.get(patient) or {str(hashed)})
        for side, patient, hashed in zip(given, patients, drawn, strict=True)
    ]
