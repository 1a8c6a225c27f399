"""ChestX-ray14 (Wang et al., CVPR 2017): the NIH's 112,120 frontal X-rays with 14 mined labels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.csv_rows import ROW, optional_column, read_csv_rows, require_column, usable_rows
from cxrneighbors.data.image_files import find_images
from cxrneighbors.data.imports import ImportResult, require_root
from cxrneighbors.data.patients import parse_ages, parse_sex
from cxrneighbors.data.pixels import image_size
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import carve_validation, patient_split
from cxrneighbors.data.tables import REGION_COLUMNS, validate_regions
from cxrneighbors.data.views import view_columns
from cxrneighbors.errors import UserError, choose

BOX_PIXELS = 1024  # boxes are given in pixels of the published 1024 x 1024 images
_BOX_NAMES = {"Infiltrate": "Infiltration"}  # the box list's spelling -> the label table's


def read(root: Path, images: str = "required", seed: int = 0) -> ImportResult:
    """Read `Data_Entry_2017*.csv` (or `.gz`), `BBox_List_2017.csv` and the images below `root`.

    `image_id` is the file name ('00000001_000.png'); the study is patient and follow-up number. Images may
    lie in `images/`, `images_001/images/` or anywhere below; of two files of one name the one nearest to
    `root` counts. `images='required'` skips rows whose file is missing; `images='optional'` keeps them with
    `path` None (the label table alone, for work without pixels).

    `train_val_list.txt` and `test_list.txt`, where both are there, give the split, and a hash of (`seed`,
    patient) takes validation patients out of train; otherwise `splits.patient_split`. An image in neither
    list follows its patient. Boxes are scaled from 1024 pixels to the file at `path`; with `path` None
    they stay in pixels of the published image.

    Raises `UserError` for a missing root, table or column, and when no image at all is found.
    """
    choose("value of images", images, ("required", "optional"))
    root = require_root(root, "ChestX-ray14")
    skipped = Skipped()
    notes: list[str] = []
    source = _find(root, "Data_Entry_2017")
    folder = source.parent if root.is_file() else root
    table = read_csv_rows(source, skipped, notes)
    ids = require_column(table, ["Image Index"], source)
    labels = require_column(table, ["Finding Labels", "Finding Label"], source)
    patients = require_column(table, ["Patient ID", "Patient Id"], source)
    files = find_images(folder)
    if images == "required" and not any(name in files for name in table[ids]):
        raise UserError(
            f"{root}: none of the {len(table):,} images of {source.name} is below it; "
            "unpack the image archives there, or pass images='optional' for the labels alone"
        )
    troubles: dict[str, Iterable[bool]] = {
        "no image index or no patient id": (table[ids] == "") | (table[patients] == ""),
        "duplicate image index": table[ids].duplicated(),
        "no image file": [images == "required" and image not in files for image in table[ids]],
        "image file is empty (0 bytes)": [image in files and not files[image][1] for image in table[ids]],
    }
    table = table[usable_rows(table, table[ids], troubles, skipped)].reset_index(drop=True)
    studies = _studies(table, ids, labels, patients, files, notes)
    studies["split"] = _split(folder, studies, seed, notes)
    return ImportResult(studies, _regions(folder, studies, skipped, notes), skipped, notes)


def _find(root: Path, stem: str) -> Path:
    """The table whose name begins with `stem`, in `root` or one folder below; `root` may be the table."""
    found = [root] if root.is_file() else _find_all(root, stem)
    if not found:
        raise UserError(
            f"{root}: no {stem}*.csv or .csv.gz in it; give the folder that holds the label table"
        )
    return found[0]


def _find_all(folder: Path, stem: str) -> list[Path]:
    """Tables in `folder` before those one folder below, the newest release (`_v2020`) first."""
    found = []
    for pattern in (f"{stem}*", f"*/{stem}*"):
        tables = [path for path in folder.glob(pattern) if path.name.endswith((".csv", ".csv.gz"))]
        found += sorted(tables, key=lambda path: path.name, reverse=True)
    return found


def _studies(
    table: pd.DataFrame,
    ids: str,
    labels: str,
    patients: str,
    files: dict[str, tuple[str, int]],
    notes: list[str],
) -> pd.DataFrame:
    image_ids = table[ids].tolist()
    follow_up = optional_column(table, ["Follow-up #", "Follow-up"])
    ages = optional_column(table, ["Patient Age"])
    return pd.DataFrame(
        {
            "image_id": image_ids,
            "path": pd.Series([files.get(image, (None,))[0] for image in image_ids], dtype=object),
            "patient_id": table[patients].tolist(),
            "study_id": [
                f"{patient}_{number}" for patient, number in zip(table[patients], follow_up, strict=True)
            ],
            **view_columns(optional_column(table, ["View Position"])),
            "sex": [parse_sex(sex) for sex in optional_column(table, ["Patient Gender", "Patient Sex"])],
            "age": parse_ages(ages, image_ids, notes),
            "findings": [
                [part.strip() for part in cell.split("|") if part.strip()] for cell in table[labels]
            ],
            "dataset": "chestxray14",
        }
    )


def _split(folder: Path, studies: pd.DataFrame, seed: int, notes: list[str]) -> np.ndarray:
    patients, images = studies["patient_id"].tolist(), studies["image_id"].tolist()
    by_hash = patient_split(patients, seed=seed)
    lists = [
        [*folder.glob(name), *folder.glob(f"*/{name}")] for name in ("train_val_list.txt", "test_list.txt")
    ]
    if not all(lists):
        return by_hash
    listed: dict[str, str] = {}
    for side, paths in zip(("train", "test"), lists, strict=True):
        listed.update((line.strip(), side) for line in paths[0].read_text().splitlines() if line.strip())
    # 'test' wins for a patient on both sides: nothing that is tested may have been trained on.
    side_of: dict[str, str] = {}
    for image, patient in zip(images, patients, strict=True):
        if image in listed and side_of.get(patient) != "test":
            side_of[patient] = listed[image]
    unlisted = sum(image not in listed for image in images)
    if unlisted:
        notes.append(f"{unlisted} images are in neither of the split lists: they follow their patient")
    given = [
        side_of.get(patient) or ("test" if drawn == "test" else "train")
        for patient, drawn in zip(patients, by_hash, strict=True)
    ]
    return carve_validation(given, patients, seed=seed)


def _regions(folder: Path, studies: pd.DataFrame, skipped: Skipped, notes: list[str]) -> pd.DataFrame:
    found = _find_all(folder, "BBox_List_2017")
    rows: list[tuple[object, ...]] = []
    if found:
        table = read_csv_rows(found[0], skipped, notes)
        # The published header splits 'Bbox [x,y,w,h]' into four cells: the numbers go by position.
        numbers = table.iloc[:, 2:6].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
        path_of = dict(zip(studies["image_id"], studies["path"], strict=True))
        for image, finding, box, row in zip(
            table.iloc[:, 0], table.iloc[:, 1], numbers, table[ROW], strict=True
        ):
            if image not in path_of:
                continue
            if not np.isfinite(box).all():
                skipped.add(image, "box without four numbers", row=row)
                continue
            scale = _box_scale(path_of[image], skipped, image, row)
            if scale is not None:
                x, y, width, height = box * scale
                rows.append((image, _BOX_NAMES.get(finding, finding), x, y, width, height, None))
    return validate_regions(pd.DataFrame(rows, columns=list(REGION_COLUMNS)))


def _box_scale(path: str | None, skipped: Skipped, image: str, row: int) -> np.ndarray | None:
    """Factors for x, y, width, height: float (4,); None when the file's size cannot be read."""
    if path is None:
        return np.ones(4)
    try:
        width, height = image_size(path)
    except UserError:
        skipped.add(image, "box of an image whose size cannot be read", row=row)
        return None
    return np.array([width, height, width, height]) / BOX_PIXELS
