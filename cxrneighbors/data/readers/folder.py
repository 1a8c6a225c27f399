"""A CSV of your own and image files beside it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.data.csv_rows import ROW, optional_column, read_csv_rows, usable_rows
from cxrneighbors.data.dicom import read_dicom_header
from cxrneighbors.data.imports import ImportResult, require_root
from cxrneighbors.data.patients import parse_ages, parse_sex
from cxrneighbors.data.schema import COLUMNS
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import fill_splits, patient_split, split_named
from cxrneighbors.data.views import POSITIONS, normalise_view
from cxrneighbors.errors import UserError
from cxrneighbors.reports.sections import parse_sections

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
    Raises `UserError` for a missing root, table or column, and a blank `separator`.
    """
    if not separator.strip():
        raise UserError(f"separator {separator!r}: must be a visible character or several, such as | or ;")
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
    table = _usable(root, table, skipped)
    headers = [_header(path, set(table.columns)) for path in table["path"]]
    studies = _studies(table, headers, separator, notes).assign(dataset=name)
    studies["split"] = _split(table, seed, notes)
    for column in table.columns.difference([*COLUMNS, ROW], sort=False):
        studies[column] = _numbers_if_all(table[column].tolist())
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


def _usable(root: Path, table: pd.DataFrame, skipped: Skipped) -> pd.DataFrame:
    """Rows that can become studies, with `image_id` and absolute `path` (None = no pixels) settled."""
    named = "path" in table
    names = table["path" if named else "image_id"].tolist()
    given = zip(optional_column(table, ["image_id"]), names, strict=True)
    ids = pd.Series([image or Path(name).name for image, name in given], dtype=object)
    paths = [os.path.abspath(os.path.join(root, name)) for name in names]
    sizes = np.array([os.path.getsize(path) if os.path.isfile(path) else -1 for path in paths])
    splits = pd.Series(optional_column(table, ["split"]), dtype=object)
    unknown = [text for text in splits.unique() if text and split_named(text) is None]
    reasons: dict[str, Any] = {
        "no image id or no patient id": (ids == "") | (table["patient_id"] == ""),
        **{f"unknown split ({text})": splits == text for text in unknown},
        "no image file": [named and name != "" and size < 0 for name, size in zip(names, sizes, strict=True)],
        "image file is empty (0 bytes)": sizes == 0,
    }
    good = ~np.logical_or.reduce(list(reasons.values()))
    reasons["duplicate image_id"] = ids.where(good).duplicated() & good
    table = table.assign(image_id=ids, path=pd.Series(paths, dtype=object).where(sizes > 0, None))
    return table[usable_rows(table, ids, reasons, skipped)].reset_index(drop=True)


def _studies(
    table: pd.DataFrame, headers: list[dict[str, Any]], separator: str, notes: list[str]
) -> pd.DataFrame:
    ids = table["image_id"].tolist()
    views = [
        _view(*cells)
        for cells in zip(
            *(optional_column(table, [name]) for name in ("view", "position")), headers, strict=True
        )
    ]
    reports = [text or None for text in optional_column(table, ["report"])]
    sexes = zip(optional_column(table, ["sex"]), headers, strict=True)
    ages = zip(parse_ages(optional_column(table, ["age"]), ids, notes), headers, strict=True)
    studies = zip(optional_column(table, ["study_id"]), ids, strict=True)
    return pd.DataFrame(
        {
            "image_id": ids,
            "path": table["path"],
            "patient_id": table["patient_id"],
            "study_id": [study or image for study, image in studies],
            "view": [view for view, _ in views],
            "position": [position for _, position in views],
            "sex": pd.Series([parse_sex(sex) or header.get("sex") for sex, header in sexes], dtype=object),
            "age": [header.get("age", age) if math.isnan(age) else age for age, header in ages],
            "findings": [
                [part.strip() for part in cell.split(separator) if part.strip()]
                for cell in optional_column(table, ["findings"])
            ],
            "report": pd.Series(reports, dtype=object),
            "sections": [parse_sections(text) or None if text else None for text in reports],
        }
    )


def _header(path: str | None, given: set[str]) -> dict[str, Any]:
    """View, position, sex and age of a DICOM file, as far as the CSV has no column for them."""
    wanted = {"view", "sex", "age"} - given
    if not wanted or not path or not path.lower().endswith(_DICOM_SUFFIXES):
        return {}
    try:
        header = read_dicom_header(path)
    except UserError:  # the pixels fail later and are listed there
        return {}
    wanted |= {"position"} if "view" in wanted else set()
    return {key: value for key, value in header.items() if key in wanted}


def _view(view_text: str, position_text: str, header: dict[str, Any]) -> tuple[str, str]:
    view, position = normalise_view(view_text)
    given = position_text.lower()
    return header.get("view", view), given if given in POSITIONS else header.get("position", position)


def _numbers_if_all(values: list[str]) -> pd.Series:
    """Numbers when every non-blank cell is one, otherwise texts with blanks as None."""
    filled = pd.Series([value or None for value in values], dtype=object)
    numbers = pd.to_numeric(filled, errors="coerce")
    return numbers if bool((numbers.notna() == filled.notna()).all()) and filled.notna().any() else filled


def _split(table: pd.DataFrame, seed: int, notes: list[str]) -> np.ndarray:
    patients = table["patient_id"].tolist()
    given = [split_named(cell) for cell in optional_column(table, ["split"])]
    counts = pd.Series(given, dtype=object).groupby(patients, sort=False).nunique()
    torn = counts.index[counts > 1]
    if len(torn):
        notes.append(f"{len(torn)} patients stand in more than one split, such as {torn[0]}: scores may leak")
    return fill_splits(given, patients, patient_split(patients, seed=seed).tolist())
