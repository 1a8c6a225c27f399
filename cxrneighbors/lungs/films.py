"""Films with radiologists' lung masks: a folder with labels.csv, images and masks (Montgomery, Shenzhen)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.csv_rows import optional_column, read_csv_rows, require_column, usable_rows
from cxrneighbors.data.imports import require_root
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import patient_split
from cxrneighbors.errors import UserError
from cxrneighbors.lungs.masks import sides

LABELS = "labels.csv"
COLUMNS = ("image_id", "path", "mask_path", "patient_id", "source", "finding", "split")
# 'CHNCXR_0002_0.png', 'MCUCXR_0399_1.png': series, patient, and 1 for tuberculosis.
_NAME = re.compile(r"^((?:CHN|MCU)CXR_\d+)_[01]$")


def read_lung_films(root: str | Path, skipped: Skipped, seed: int = 0) -> pd.DataFrame:
    """A row for each film of `root/labels.csv` that has a lung mask: the columns are `COLUMNS`.

    labels.csv names for each film `image`, its `file` and its `mask` (both below `root`), and where known
    `source`, `finding` and `patient_id`. Without that column the patient is what the name of a film of the
    Montgomery or Shenzhen set says, else each film is its own. `split`: by patient and `seed`
    (`data.splits.patient_split`). Rows without a mask or a file go to `skipped`.

    Raises `UserError` for a missing folder, table or column, and where no film has a mask.
    """
    root = require_root(root, "lung mask")
    source = root / LABELS
    table = read_csv_rows(source, skipped)
    names, files, masks = (table[require_column(table, [name], source)] for name in ("image", "file", "mask"))
    keep = usable_rows(
        table,
        names,
        {
            "no image name": names == "",
            "duplicate image name": names.duplicated(),
            "no lung mask": masks == "",
            "no image file": [not (root / file).is_file() for file in files],
            "no mask file": [not (root / mask).is_file() for mask in masks],
        },
        skipped,
    )
    patients = optional_column(table, ["patient_id"])
    films = pd.DataFrame(
        {
            "image_id": names,
            "path": [str(root / file) for file in files],
            "mask_path": [str(root / mask) for mask in masks],
            "patient_id": [given or patient_of(name) for given, name in zip(patients, names, strict=True)],
            "source": optional_column(table, ["source"]),
            "finding": optional_column(table, ["finding"]),
        }
    )[keep].reset_index(drop=True)
    if not len(films):
        raise UserError(f"{source}: no film of {len(table)} has a lung mask; give a folder with masks")
    films["split"] = patient_split(films["patient_id"], seed=seed)
    return films


def patient_of(image: str) -> str:
    """The patient that a film's name states; the name itself where it states none.

    >>> patient_of("CHNCXR_0002_0.png"), patient_of("film 7.png")
    ('CHNCXR_0002', 'film 7')
    """
    stem = Path(image).stem
    found = _NAME.match(stem)
    return found.group(1) if found else stem


def read_lungs(path: str | Path) -> np.ndarray:
    """A mask file as the patient's right and left lung: bool (2, H, W); see `masks.sides`."""
    lungs = sides(read_pixels(path) > 0.5)
    if not lungs.any(axis=(1, 2)).all():
        raise UserError(f"{path}: shows no two lungs apart; mask right and left lung as separate areas")
    return lungs
