"""CheXpert (Irvin et al., AAAI 2019): 224,316 X-rays of 65,240 patients with 14 mined labels."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from cxrneighbors.data.csv_rows import ROW, optional_column, read_csv_rows, require_column, usable_rows
from cxrneighbors.data.imports import ImportResult, require_root
from cxrneighbors.data.mimic.labels import label_table
from cxrneighbors.data.patients import parse_ages, parse_sex
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import patient_split
from cxrneighbors.data.views import view_columns
from cxrneighbors.errors import UserError, choose

_TABLES = {"train.csv": "train", "valid.csv": "val", "test.csv": "test"}
_PARTS = 4  # of a path that count: train/patient00001/study1/view1_frontal.jpg


def read(
    root: Path,
    uncertain: str = "ignore",
    images: str = "required",
    splits: str = "published",
    seed: int = 0,
) -> ImportResult:
    """Read `train.csv`, `valid.csv` and, where it is there, `test.csv` in `root` and the images they name.

    `root` is the folder of the tables, such as `CheXpert-v1.0-small`; the tables name their images from the
    folder above (`CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg`), whatever `root` is
    called now. `image_id` is 'patient00001_study1_view1_frontal', patient and study are its parts. A lateral
    film is LATERAL, a frontal one what AP/PA says. `uncertain`: what -1 means, 'ignore', 'positive' or
    'negative' (`mimic.labels.label_table`); `uncertain_findings` names these labels, joined by '|'. Findings
    are called as ChestX-ray14 calls them (`mimic/labels.toml`).

    `splits`: 'published', valid.csv as 'val' and test.csv as 'test'; or 'patients', all drawn anew by a hash
    of (`seed`, patient). `images='optional'` keeps rows without their file, `path` None.

    Raises `UserError` for a missing root, table or column, and when no image at all is found.
    """
    choose("value of images", images, ("required", "optional"))
    choose("splits", splits, ("published", "patients"))
    root = require_root(root, "CheXpert")
    skipped = Skipped()
    notes: list[str] = []
    parts = [
        _read_table(root / name, uncertain, skipped, notes) for name in _TABLES if (root / name).is_file()
    ]
    if not parts:
        raise UserError(f"{root}: no train.csv or valid.csv in it; give the folder that holds the tables")
    table = pd.concat(parts, ignore_index=True)
    paths = [os.path.join(root, *PurePosixPath(name).parts[-_PARTS:]) for name in table["name"]]
    sizes = np.array([os.path.getsize(path) if os.path.isfile(path) else -1 for path in paths])
    if images == "required" and not (sizes >= 0).any():
        raise UserError(
            f"{root}: none of the {len(table):,} images of its tables is below it; unpack the images there, "
            "or pass --images optional for the labels alone"
        )
    table["path"] = pd.Series(paths, dtype=object).where(sizes > 0, None)
    reasons = {
        "path without patient, study and view": table["image_id"] == "",
        "duplicate path": table["image_id"].duplicated(),
        "no image file": (sizes < 0) & (images == "required"),
        "image file is empty (0 bytes)": sizes == 0,
    }
    studies = table[usable_rows(table, table["name"], reasons, skipped)].reset_index(drop=True)
    if splits == "patients":
        studies["split"] = patient_split(studies["patient_id"], seed=seed)
    elif "test" not in set(studies["split"]):
        notes.append("no test.csv: no image is in split test; --splits patients draws one")
    return ImportResult(studies.drop(columns=["name", ROW]), skipped=skipped, notes=notes)


def _read_table(source: Path, uncertain: str, skipped: Skipped, notes: list[str]) -> pd.DataFrame:
    table = read_csv_rows(source, skipped, notes)
    names = table[require_column(table, ["Path"], source)].tolist()
    ids = [_ids(name) for name in names]
    rows = [str(row) for row in range(len(table))]
    labels = label_table(table.assign(study_id=rows), source, uncertain, notes)
    frontal = optional_column(table, ["Frontal/Lateral"])
    position = optional_column(table, ["AP/PA"])
    sides = [
        "LATERAL" if _is_lateral(side, name) else view
        for side, view, name in zip(frontal, position, names, strict=True)
    ]
    images = [image for image, _, _ in ids]
    return pd.DataFrame(
        {
            "name": names,
            "image_id": images,
            "patient_id": [patient for _, patient, _ in ids],
            "study_id": [study for _, _, study in ids],
            **view_columns(sides),
            "sex": pd.Series([parse_sex(sex) for sex in optional_column(table, ["Sex"])], dtype=object),
            "age": parse_ages(optional_column(table, ["Age"]), images, notes),
            "findings": labels["findings"].to_numpy(),
            "uncertain_findings": labels["uncertain_findings"].to_numpy(),
            "split": _TABLES[source.name],
            "dataset": "chexpert",
            ROW: table[ROW].to_numpy(),
        }
    )


def _ids(name: str) -> tuple[str, str, str]:
    """Image, patient and study of a path; blank where it has no such parts.

    >>> _ids("CheXpert-v1.0/train/patient00001/study2/view1_frontal.jpg")
    ('patient00001_study2_view1_frontal', 'patient00001', 'patient00001_study2')
    """
    parts = PurePosixPath(name).parts
    if len(parts) < _PARTS or not parts[-3].startswith("patient"):
        return "", "", ""
    patient, study, view = parts[-3:]
    return f"{patient}_{study}_{Path(view).stem}", patient, f"{patient}_{study}"


def _is_lateral(side: str, name: str) -> bool:
    return side.lower() == "lateral" or (not side and "lateral" in PurePosixPath(name).name)
