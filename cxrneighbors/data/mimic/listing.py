"""Which images there are: from the published lists, or from the tree where there is no list."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.csv_rows import ROW, read_csv_rows, require_column
from cxrneighbors.data.mimic.layout import SUFFIXES, Sources, image_file, walk_files
from cxrneighbors.data.mimic.options import Options
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError

# Which table lists the images of a form, the best one first.
_LISTS = {"mimic-cxr": ("records", "metadata", "split"), "mimic-cxr-jpg": ("metadata", "split", "records")}
_IDS = ("subject_id", "study_id", "dicom_id")


def list_images(root: Path, form: str, sources: Sources, skipped: Skipped, notes: list[str]) -> pd.DataFrame:
    """Columns image_id, patient_id, study_id, row (of the list), one row per image.

    `attrs` of the result: 'studies', every study that the lists know; 'metadata', that table when it was
    the list. Rows with unusable ids and repeated images go to `skipped`. Without any list the tree is
    walked. Raises `UserError` when there is neither list nor tree.
    """
    kind = next((kind for kind in _LISTS[form] if kind in sources.tables), None)
    if kind is None:
        return _from_tree(root, form, sources, notes)
    path = sources.tables[kind]
    table = read_csv_rows(path, skipped, notes)
    subject, study, dicom = (require_column(table, [name], path) for name in _IDS)
    bad = ~(
        table[subject].str.fullmatch(r"\d{3,}")
        & table[study].str.fullmatch(r"\d+")
        & table[dicom].str.fullmatch(r"[\w-][\w.-]*")
    ).to_numpy(dtype=bool)
    repeated = table[dicom].duplicated().to_numpy() & ~bad
    for reason, which in (("unusable subject, study or image id", bad), ("duplicate image", repeated)):
        for position in np.flatnonzero(which):
            row = int(table[ROW].iloc[position])
            skipped.add(table[dicom].iloc[position] or f"row {row}", reason, row=row)
    rows = pd.DataFrame(
        {
            "image_id": table[dicom],
            "patient_id": table[subject],
            "study_id": table[study],
            "row": table[ROW],
        }
    )[~(bad | repeated)].reset_index(drop=True)
    rows.attrs["studies"] = _known_studies(rows, sources, skipped)
    if kind == "metadata":
        rows.attrs["metadata"] = table
    return rows


def with_files(
    rows: pd.DataFrame, root: Path, sources: Sources, suffix: str, options: Options, skipped: Skipped
) -> pd.DataFrame:
    """`rows` with `path`; without their file they are left out, or kept with None (`images='optional'`).

    With `check_files=False` no folder is looked at: paths are built from the ids and taken as right.
    """
    base = sources.files or (root if root.is_dir() else root.parent) / "files"
    names = [
        image_file(*ids, suffix)
        for ids in zip(rows["patient_id"], rows["study_id"], rows["image_id"], strict=True)
    ]
    attrs = rows.attrs
    prefix = str(base) + os.sep
    paths: list[str | None] = [prefix + name for name in names]
    if options.check_files:
        sizes = walk_files(base, [suffix])
        if options.images == "required" and not sizes:
            raise UserError(
                f"{base}: no {suffix} image in it; download images there, pass images='optional' for a table "
                "without pixels, or check_files=False to trust the lists"
            )
        found = [sizes.get(name, -1) for name in names]
        ids, row_numbers = rows["image_id"].tolist(), rows["row"].tolist()
        for position, size in enumerate(found):
            if size == 0 or (size < 0 and options.images == "required"):
                reason = "no image file" if size < 0 else "image file is empty (0 bytes)"
                skipped.add(ids[position], reason, row=row_numbers[position])
        keep = np.array([size > 0 or (size < 0 and options.images == "optional") for size in found], bool)
        paths = [path if size > 0 else None for path, size in zip(paths, found, strict=True)]
        rows = rows.assign(path=pd.Series(paths, dtype=object))[keep].reset_index(drop=True)
    else:
        rows = rows.assign(path=pd.Series(paths, dtype=object))
    rows.attrs = attrs
    return rows


def _known_studies(rows: pd.DataFrame, sources: Sources, skipped: Skipped) -> set[str]:
    studies = set(rows["study_id"])
    if "studies" in sources.tables:
        table = read_csv_rows(sources.tables["studies"], skipped)
        studies |= set(table[require_column(table, ["study_id"], sources.tables["studies"])])
    return studies


def _from_tree(root: Path, form: str, sources: Sources, notes: list[str]) -> pd.DataFrame:
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
    rows.attrs["studies"] = set(rows["study_id"])
    return rows
