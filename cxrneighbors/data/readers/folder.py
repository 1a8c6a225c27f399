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
from cxrneighbors.data.film_files import list_films, match_patients, note_patients, read_film_headers
from cxrneighbors.data.finding_cells import split_findings
from cxrneighbors.data.imports import ImportResult, require_root
from cxrneighbors.data.own_table import find_table, no_column, renamed_columns, unlabelled
from cxrneighbors.data.patients import parse_ages, parse_sex
from cxrneighbors.data.schema import COLUMNS
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import fill_splits, patient_split, split_named
from cxrneighbors.data.views import POSITIONS, normalise_view
from cxrneighbors.errors import UserError
from cxrneighbors.reports.sections import parse_sections

# Private columns: the film's name as given, what its header says (dict), what is wrong with its file.
_NAME, _HEADER, _TROUBLE = _PRIVATE = ("_name", "_header", "_trouble")
_MISSING, _EMPTY = "no image file", "image file is empty (0 bytes)"
_FROM_HEADERS = {"patient_id", "study_id", "view", "sex", "age"}


def read(
    root: Path,
    csv: str | None = None,
    columns: Mapping[str, str] | None = None,
    separator: str = "|",
    patient_from_name: str | None = None,
    name: str = "folder",
    seed: int = 0,
) -> ImportResult:
    """Read `root/csv` (studies.csv by default), one row per image, with paths relative to `root`.

    Without a CSV in `root`, or with `csv='none'`, every PNG, JPEG and DICOM below it is a row, its id the
    path below `root`. Patient, study, view, sex and age come from the headers of DICOMs; a film that names no
    patient counts as a patient of its own, which is noted. `patient_from_name`: a regular expression that
    finds the patient in a film's path, its first group if it has one; with and without a CSV.

    `columns` maps names of the study table to names of the CSV, such as `{'image_id': 'Image'}`; what is not
    mapped is taken from a CSV column of the same name, in any spelling (see `match_columns`). Keys that are
    no column of the study table become further columns, for predicates. Needed: `patient_id` (in the CSV,
    the headers, or the names) and one of `path`, `image_id` (each stands in for the other where it is
    missing: the file's name as id, the id as file if such a file exists).

    `findings` are split at `separator`, or are a list as Python writes it; a blank cell is not labelled.
    `report` is split into sections. `name` is what the column `dataset` says. `split` may be given (train,
    val, test); blank cells and tables without it get `splits.patient_split`. View, study, sex and age of
    DICOM files come from their header where the CSV has no such column.

    Skipped: rows with a missing or empty image file, without a patient, with a repeated `image_id` or an
    unknown split; of films without a CSV also DICOMs that hold no image. Ages that cannot be understood
    become missing, which is noted; so is it when nothing is labelled.
    Raises `UserError` for a missing root, table or column, one whose name is nearly a wanted one, a folder
    with CSVs of other names alone, and a blank `separator`.
    """
    if not separator.strip():
        raise UserError(f"separator {separator!r}: must be a visible character or several, such as | or ;")
    root = require_root(root, "folder")
    source = find_table(root, csv, bool(columns))
    root = root if source is None else source.parent if root.is_file() else root
    skipped = Skipped()
    notes: list[str] = []
    if source is None:
        table = list_films(root)
    else:
        table = renamed_columns(read_csv_rows(source, skipped, notes), dict(columns or {}), source, notes)
    if "image_id" not in table and "path" not in table:
        raise no_column(source, "image_id")
    table = _with_files(root, table, _FROM_HEADERS | ({"image"} if source is None else set()))
    table["patient_id"] = _patients(table, source, patient_from_name)
    table = _usable(table, skipped)
    if source is None and patient_from_name is None:
        note_patients(_told(table), notes)
    studies = _studies(table, separator, notes).assign(dataset=name)
    studies["split"] = _split(table, seed, notes)
    for column in table.columns.difference([*COLUMNS, ROW, *_PRIVATE], sort=False):
        studies[column] = _numbers_if_all(table[column].tolist())
    if not studies["findings"].any():
        notes.append(unlabelled(table, source))
    return ImportResult(studies, skipped=skipped, notes=notes)


def _with_files(root: Path, table: pd.DataFrame, asked: set[str]) -> pd.DataFrame:
    """With `image_id`, absolute `path` (None = no pixels) and the private columns.

    `asked`: what headers may say, where the table has no such column.
    """
    named = "path" in table
    names = table["path" if named else "image_id"].tolist()
    given = zip(optional_column(table, ["image_id"]), names, strict=True)
    paths = [os.path.abspath(os.path.join(root, name)) for name in names]
    sizes = [os.path.getsize(path) if os.path.isfile(path) else -1 for path in paths]
    there = [path if size > 0 else None for path, size in zip(paths, sizes, strict=True)]
    wanted = asked - set(table.columns)
    wanted |= {"position"} if "view" in wanted else set()
    missing = [
        _MISSING if named and name and size < 0 else "" for name, size in zip(names, sizes, strict=True)
    ]
    return table.assign(
        image_id=pd.Series([image or Path(name).name for image, name in given], dtype=object),
        path=pd.Series(there, dtype=object),
        **{
            _NAME: names,
            _TROUBLE: [_EMPTY if size == 0 else text for text, size in zip(missing, sizes, strict=True)],
        },
        **{_HEADER: pd.Series(read_film_headers(there, wanted), dtype=object)},
    )


def _patients(table: pd.DataFrame, source: Path | None, pattern: str | None) -> list[str]:
    """Whose film each row is: by the pattern, the CSV, the header, or, without a CSV, its own; '' unknown."""
    told = _told(table)
    if pattern is not None:
        return match_patients(table[_NAME].tolist(), pattern)
    if "patient_id" in table:
        return table["patient_id"].tolist()
    if source is not None and not any(told):
        raise no_column(source, "patient_id")
    if source is not None:
        return told
    return [patient or image for patient, image in zip(told, table["image_id"], strict=True)]


def _told(table: pd.DataFrame) -> list[str]:
    """The patient in each film's header, '' where there is none."""
    return [header.get("patient_id") or "" for header in table[_HEADER]]


def _usable(table: pd.DataFrame, skipped: Skipped) -> pd.DataFrame:
    """Rows that can become studies."""
    ids = table["image_id"]
    splits = pd.Series(optional_column(table, ["split"]), dtype=object)
    unknown = [text for text in splits.unique() if text and split_named(text) is None]
    no_image = pd.Series([header.get("image") is False for header in table[_HEADER]], dtype=bool)
    reasons: dict[str, Any] = {
        "no image id or no patient id": (ids == "") | (table["patient_id"] == ""),
        **{f"unknown split ({text})": splits == text for text in unknown},
        **{text: table[_TROUBLE] == text for text in (_MISSING, _EMPTY)},
        "DICOM that cannot be read or holds no image": no_image,
    }
    good = ~np.logical_or.reduce(list(reasons.values()))
    reasons["duplicate image_id"] = ids.where(good).duplicated() & good
    return table[usable_rows(table, ids, reasons, skipped)].reset_index(drop=True)


def _studies(table: pd.DataFrame, separator: str, notes: list[str]) -> pd.DataFrame:
    ids, headers = table["image_id"].tolist(), table[_HEADER].tolist()
    views = [
        _view(*cells)
        for cells in zip(
            *(optional_column(table, [name]) for name in ("view", "position")), headers, strict=True
        )
    ]
    reports = [text or None for text in optional_column(table, ["report"])]
    sexes = zip(optional_column(table, ["sex"]), headers, strict=True)
    ages = zip(parse_ages(optional_column(table, ["age"]), ids, notes), headers, strict=True)
    studies = zip(optional_column(table, ["study_id"]), headers, ids, strict=True)
    return pd.DataFrame(
        {
            "image_id": ids,
            "path": table["path"],
            "patient_id": table["patient_id"],
            "study_id": [study or header.get("study_id") or image for study, header, image in studies],
            "view": [view for view, _ in views],
            "position": [position for _, position in views],
            "sex": pd.Series([parse_sex(sex) or header.get("sex") for sex, header in sexes], dtype=object),
            "age": [header.get("age", age) if math.isnan(age) else age for age, header in ages],
            "findings": split_findings(optional_column(table, ["findings"]), separator, notes),
            "report": pd.Series(reports, dtype=object),
            "sections": [parse_sections(text) or None if text else None for text in reports],
        }
    )


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
