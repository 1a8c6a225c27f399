"""Which images there are: from the published lists, or from the tree where there is no list."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.csv_rows import ROW, read_csv_rows, require_column, usable_rows
from cxrneighbors.data.mimic.layout import SUFFIXES, Sources, image_file, walk_files
from cxrneighbors.data.mimic.options import Options
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError

# Which table lists the images of a form, the best one first.
_LISTS = {"mimic-cxr": ("records", "metadata", "split"), "mimic-cxr-jpg": ("metadata", "split", "records")}
_IDS = ("subject_id", "study_id", "dicom_id")


@dataclass(frozen=True)
class Listing:
    """`rows`: columns image_id, patient_id, study_id, row (of the list), one row per image. `studies`: every
    study that the lists know. `metadata`: that table, where it was the list and so is read already.
    """

    rows: pd.DataFrame
    studies: set[str]
    metadata: pd.DataFrame | None = None


def list_images(root: Path, form: str, sources: Sources, skipped: Skipped, notes: list[str]) -> Listing:
    """The images of a form, from the best of its lists, or from the tree where there is none.

    Rows with unusable ids and repeated images go to `skipped`. Raises `UserError` when there is neither list
    nor tree.
    """
    kind = next((kind for kind in _LISTS[form] if kind in sources.tables), None)
    if kind is None:
        return _from_tree(root, form, sources, notes)
    path = sources.tables[kind]
    table = read_csv_rows(path, skipped, notes)
    subject, study, dicom = (require_column(table, [name], path) for name in _IDS)
    forms = {subject: r"\d{3,}", study: r"\d+", dicom: r"[\w-][\w.-]*"}
    good = np.all([_fits(table[column], form) for column, form in forms.items()], axis=0)
    reasons = {"unusable subject, study or image id": ~good, "duplicate image": table[dicom].duplicated()}
    usable = usable_rows(table, table[dicom], reasons, skipped)
    names = {dicom: "image_id", subject: "patient_id", study: "study_id", ROW: "row"}
    rows = table.loc[usable, list(names)].rename(columns=names).reset_index(drop=True)
    return Listing(rows, _known_studies(rows, sources, skipped), table if kind == "metadata" else None)


def with_files(
    rows: pd.DataFrame, root: Path, sources: Sources, suffix: str, options: Options, skipped: Skipped
) -> pd.DataFrame:
    """`rows` with `path`; without their file they are left out, or kept with None (`images='optional'`).

    With `check_files=False` no folder is looked at: paths are built from the ids and taken as right.
    """
    base = sources.files or (root if root.is_dir() else root.parent) / "files"
    above = str(base) + os.sep
    names = [
        image_file(*ids, suffix)
        for ids in zip(rows["patient_id"], rows["study_id"], rows["image_id"], strict=True)
    ]
    paths = pd.Series([above + name for name in names], dtype=object)
    if not options.check_files:
        return rows.assign(path=paths)
    found = walk_files(base, [suffix])
    if options.images == "required" and not found:
        raise UserError(
            f"{base}: no {suffix} image in it; download images there, pass images='optional' for a table "
            "without pixels, or check_files=False to trust the lists"
        )
    sizes = np.array([found.get(name, -1) for name in names])
    missing = (sizes < 0) & (options.images == "required")
    reasons = {"no image file": missing, "image file is empty (0 bytes)": sizes == 0}
    usable = usable_rows(rows.rename(columns={"row": ROW}), rows["image_id"], reasons, skipped)
    return rows.assign(path=paths.where(sizes > 0, None))[usable].reset_index(drop=True)


def _fits(cells: pd.Series, form: str) -> np.ndarray:
    """Whether the pattern `form` matches all of a cell: bool (N,)."""
    fits = re.compile(form).fullmatch
    return np.array([fits(cell) is not None for cell in cells], dtype=bool)


def _known_studies(rows: pd.DataFrame, sources: Sources, skipped: Skipped) -> set[str]:
    studies = set(rows["study_id"])
    if "studies" in sources.tables:
        table = read_csv_rows(sources.tables["studies"], skipped)
        studies |= set(table[require_column(table, ["study_id"], sources.tables["studies"])])
    return studies


def _from_tree(root: Path, form: str, sources: Sources, notes: list[str]) -> Listing:
    suffix = SUFFIXES[form]
    names = sorted(walk_files(sources.files, [suffix])) if sources.files else []
    parts = [name.split("/") for name in names]
    parts = [part for part in parts if len(part) == 4 and part[2].startswith("s")]
    if not parts:
        raise UserError(
            f"{root}: no cxr-record-list, metadata or split table and no files/p10/... with {suffix} images "
            f"in it; give the folder that PhysioNet's {form} unpacks to"
        )
    notes.append("no list of images (cxr-record-list.csv.gz): ids are taken from the tree")
    rows = pd.DataFrame(
        {
            "image_id": [part[3].removesuffix(suffix) for part in parts],
            "patient_id": [part[1][1:] for part in parts],
            "study_id": [part[2][1:] for part in parts],
            "row": 0,
        }
    )
    return Listing(rows, set(rows["study_id"]))
