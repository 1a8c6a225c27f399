"""VinDr-CXR (Nguyen et al., Sci Data 2022): 18,000 frontal X-rays read by 17 radiologists, with boxes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.csv_rows import ROW, optional_column, read_csv_rows, require_column, usable_rows
from cxrneighbors.data.film_files import read_film_headers
from cxrneighbors.data.image_files import find_images
from cxrneighbors.data.imports import ImportResult, require_root
from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import carve_validation
from cxrneighbors.data.tables import REGION_COLUMNS, validate_regions
from cxrneighbors.errors import UserError, choose

_SUFFIXES = (".dicom", ".dcm")
_SPLITS = ("train", "test")
_NOT_LABELS = ("image_id", "rad_id", ROW)
# Labels that ChestX-ray14 has too, by the name that it uses, and the two spellings of one label.
_NAMES = {
    "No finding": NO_FINDING,
    "Pleural effusion": "Effusion",
    "Pleural thickening": "Pleural_Thickening",
    "Pulmonary fibrosis": "Fibrosis",
    "Other diseases": "Other disease",
}
_CORNERS = ("x_min", "y_min", "x_max", "y_max")


def read(
    root: Path, radiologists: int = 2, images: str = "required", headers: bool = True, seed: int = 0
) -> ImportResult:
    """Read `image_labels_{train,test}.csv`, `annotations_{train,test}.csv` and `IMAGE_ID.dicom` below `root`.

    As published: `annotations/*.csv`, `train/*.dicom`, `test/*.dicom`. Three radiologists read each train
    film, a row each; a finding counts where `radiologists` of them name it (test films: one consensus row,
    which counts). A film on which no finding and no "No finding" has as many is not labelled. The regions
    are the boxes that single radiologists drew, in pixels of the DICOM, of the findings that count. Findings
    that ChestX-ray14 has too are called as there.

    VinDr-CXR names no patients: each film counts as a patient of its own (noted), so that searches among
    other patients leave out the film alone. All films are PA; sex and age are those of the DICOM headers
    unless `headers` is False. Train is divided into train and val by a hash of (`seed`, film).

    `images='optional'` keeps rows without their file, `path` None. Raises `UserError` for a missing root,
    table or column, and when no image at all is found.
    """
    choose("value of images", images, ("required", "optional"))
    if radiologists not in (1, 2, 3):
        raise UserError(f"radiologists {radiologists}: three read each film; give 1, 2 or 3")
    root = require_root(root, "VinDr-CXR")
    skipped = Skipped()
    notes: list[str] = []
    tables = {path.name: path for path in sorted(root.rglob("*.csv"))}
    labels = [
        _labels(tables[name], radiologists if split == "train" else 1, skipped, notes).assign(split=split)
        for split in _SPLITS
        if (name := f"image_labels_{split}.csv") in tables
    ]
    if not labels:
        raise UserError(f"{root}: no image_labels_train.csv below it; give the folder that holds annotations")
    table = pd.concat(labels, ignore_index=True)
    files = _films(root)
    if images == "required" and not any(image in files for image in table["image_id"]):
        raise UserError(
            f"{root}: none of the {len(table):,} images of its tables is below it as .dicom; unpack them "
            "there, or pass --images optional for the labels alone"
        )
    troubles: dict[str, Iterable[bool]] = {
        "no image id": table["image_id"] == "",
        "image id in both tables": table["image_id"].duplicated(),
        "no image file": [images == "required" and image not in files for image in table["image_id"]],
        "image file is empty (0 bytes)": [
            image in files and not files[image][1] for image in table["image_id"]
        ],
    }
    table = table[usable_rows(table, table["image_id"], troubles, skipped)].reset_index(drop=True)
    studies = _studies(table, files, headers, seed)
    boxes = [tables[name] for split in _SPLITS if (name := f"annotations_{split}.csv") in tables]
    notes.append(
        "VinDr-CXR names no patients: each film counts as one, so that films of one person may be found for "
        "each other and stand in train and test"
    )
    return ImportResult(studies, _regions(boxes, studies, skipped, notes), skipped, notes)


def _labels(source: Path, votes: int, skipped: Skipped, notes: list[str]) -> pd.DataFrame:
    """One row a film: `image_id`, `findings` that have enough votes, and the film's first row."""
    table = read_csv_rows(source, skipped, notes)
    image = require_column(table, ["image_id"], source)
    columns = [str(column) for column in table.columns if column not in _NOT_LABELS]
    given = table[columns].apply(pd.to_numeric, errors="coerce").fillna(0).astype(int)
    counts = given.groupby(table[image], sort=False).sum()
    names = [_NAMES.get(column, column) for column in columns]
    firsts = table.groupby(image, sort=False)[ROW].first()
    return pd.DataFrame(
        {
            "image_id": counts.index.to_numpy(),
            "findings": pd.Series([_named(row >= votes, names) for row in counts.to_numpy()], dtype=object),
            ROW: firsts.loc[counts.index].to_numpy(),
        }
    )


def _named(passing: np.ndarray, names: list[str]) -> list[str]:
    """The findings that pass, bool (C,); No Finding only where it stands alone."""
    found = [name for name, has in zip(names, passing, strict=True) if has]
    return found if found == [NO_FINDING] else [name for name in found if name != NO_FINDING]


def _films(root: Path) -> dict[str, tuple[str, int]]:
    return {Path(name).stem: found for name, found in find_images(root, _SUFFIXES).items()}


def _studies(
    table: pd.DataFrame, files: dict[str, tuple[str, int]], headers: bool, seed: int
) -> pd.DataFrame:
    ids = table["image_id"].tolist()
    paths = [files.get(image, (None,))[0] for image in ids]
    told = read_film_headers(paths, {"sex", "age"} if headers else set())
    return pd.DataFrame(
        {
            "image_id": ids,
            "path": pd.Series(paths, dtype=object),
            "patient_id": ids,
            "study_id": ids,
            "view": "PA",
            "sex": pd.Series([header.get("sex") for header in told], dtype=object),
            "age": [header.get("age", np.nan) for header in told],
            "findings": table["findings"],
            "split": carve_validation(table["split"], ids, seed=seed),
            "dataset": "vindr-cxr",
        }
    )


def _regions(sources: list[Path], studies: pd.DataFrame, skipped: Skipped, notes: list[str]) -> pd.DataFrame:
    """Every radiologist's boxes of the findings that a film has."""
    findings = dict(zip(studies["image_id"], studies["findings"], strict=True))
    rows: list[tuple[object, ...]] = []
    alone = 0
    for source in sources:
        table = read_csv_rows(source, skipped, notes)
        corners = np.stack(
            [pd.to_numeric(pd.Series(optional_column(table, [name])), errors="coerce") for name in _CORNERS],
            1,
        )
        image, named = (require_column(table, [name], source) for name in ("image_id", "class_name"))
        for film, label, box, row in zip(table[image], table[named], corners, table[ROW], strict=True):
            finding = _NAMES.get(label, label)
            if film not in findings or finding == NO_FINDING:
                continue
            if not np.isfinite(box).all() or (box[2:] <= box[:2]).any():
                skipped.add(film, f"box without four corners ({label})", row=row)
            elif finding not in findings[film]:
                alone += 1
            else:
                rows.append((film, finding, box[0], box[1], box[2] - box[0], box[3] - box[1], None))
    if alone:
        notes.append(f"{alone} boxes of findings that too few radiologists named are left out")
    return validate_regions(pd.DataFrame(rows, columns=list(REGION_COLUMNS)))
