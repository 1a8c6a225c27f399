"""PadChest (Bustos et al., Med Image Anal 2020): 160,868 X-rays of 67,625 patients, Spanish reports."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.csv_rows import optional_column, read_csv_rows, require_column, usable_rows
from cxrneighbors.data.image_files import find_images
from cxrneighbors.data.imports import ImportResult, require_root
from cxrneighbors.data.patients import MAX_AGE, parse_sex
from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import patient_split
from cxrneighbors.data.views import view_columns
from cxrneighbors.data.written_values import written_list
from cxrneighbors.errors import UserError, choose

_TABLE = "PADCHEST_chest_x_ray_images_labels_160K"
# Labels that say nothing about the patient: a report with only these is not labelled.
_NO_LABEL = {"", "exclude", "unchanged", "suboptimal study"}
# Labels that ChestX-ray14 has too, by the name that it uses; the others keep their own.
_NAMES = {
    "normal": NO_FINDING,
    "atelectasis": "Atelectasis",
    "cardiomegaly": "Cardiomegaly",
    "consolidation": "Consolidation",
    "pulmonary edema": "Edema",
    "pleural effusion": "Effusion",
    "emphysema": "Emphysema",
    "pulmonary fibrosis": "Fibrosis",
    "hiatal hernia": "Hernia",
    "infiltrates": "Infiltration",
    "pulmonary mass": "Mass",
    "nodule": "Nodule",
    "pleural thickening": "Pleural_Thickening",
    "pneumonia": "Pneumonia",
    "pneumothorax": "Pneumothorax",
}


def read(root: Path, images: str = "required", seed: int = 0) -> ImportResult:
    """Read `PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv` (or `.gz`) in `root` and the PNGs below it.

    `image_id` is ImageID, the file name; the files may lie in the published folders 0 to 54 or anywhere
    below. `PatientID` and `StudyID` are the patient and the study. The view is Projection (L is LATERAL,
    AP_horizontal AP and supine, COSTAL and UNK UNKNOWN); rows of projection EXCLUDE are skipped. Age is the
    year of StudyDate_DICOM less PatientBirth.

    Findings are Labels, a list written as text: 'normal' is No Finding, what ChestX-ray14 has too is called
    as there, others keep their name; 'exclude', 'unchanged' and 'suboptimal study' alone mean not labelled.
    `label_source` says MethodLabel: 'Physician', or 'RNN_model' for labels that a network read in the report.
    `report` is Report: Spanish, in small letters and without word endings, as published; encoders for
    English text do not understand it, and the package's labeler does not either.

    The split is `splits.patient_split`: none is published. `images='optional'` keeps rows without their file,
    `path` None. Raises `UserError` for a missing root, table or column, and when no image at all is found.
    """
    choose("value of images", images, ("required", "optional"))
    root = require_root(root, "PadChest")
    source = root if root.is_file() else _find_table(root)
    folder = source.parent if root.is_file() else root
    skipped = Skipped()
    notes: list[str] = []
    table = read_csv_rows(source, skipped, notes)
    ids, patients, labels = (
        require_column(table, [name], source) for name in ("ImageID", "PatientID", "Labels")
    )
    files = find_images(folder, (".png",))
    if images == "required" and not any(name in files for name in table[ids]):
        raise UserError(
            f"{root}: none of the {len(table):,} images of {source.name} is below it; unpack the image "
            "archives there, or pass --images optional for the labels alone"
        )
    projection = pd.Series(optional_column(table, ["Projection"]), dtype=object)
    troubles: dict[str, Iterable[bool]] = {
        "no image id or no patient id": (table[ids] == "") | (table[patients] == ""),
        "projection EXCLUDE": projection == "EXCLUDE",
        "duplicate image id": table[ids].duplicated(),
        "no image file": [images == "required" and name not in files for name in table[ids]],
        "image file is empty (0 bytes)": [name in files and not files[name][1] for name in table[ids]],
    }
    table = table[usable_rows(table, table[ids], troubles, skipped)].reset_index(drop=True)
    image_ids = table[ids].tolist()
    texts = [text.replace("_horizontal", " supine") for text in optional_column(table, ["Projection"])]
    studies = pd.DataFrame(
        {
            "image_id": image_ids,
            "path": pd.Series([files.get(image, (None,))[0] for image in image_ids], dtype=object),
            "patient_id": table[patients].tolist(),
            "study_id": [
                study or image
                for study, image in zip(optional_column(table, ["StudyID"]), image_ids, strict=True)
            ],
            **view_columns(texts),
            "sex": pd.Series(map(parse_sex, optional_column(table, ["PatientSex_DICOM"])), dtype=object),
            "age": _ages(table),
            "findings": _findings(table[labels].tolist(), notes),
            "report": pd.Series([text or None for text in optional_column(table, ["Report"])], dtype=object),
            "split": patient_split(table[patients], seed=seed),
            "dataset": "padchest",
            "label_source": [text or None for text in optional_column(table, ["MethodLabel"])],
            "projection": [text or None for text in optional_column(table, ["Projection"])],
        }
    )
    return ImportResult(studies, skipped=skipped, notes=notes)


def _find_table(root: Path) -> Path:
    found = sorted(path for path in root.glob(f"{_TABLE}*") if path.name.endswith((".csv", ".csv.gz")))
    if not found:
        raise UserError(f"{root}: no {_TABLE}*.csv or .csv.gz in it; give the folder that holds the table")
    return found[0]


def _ages(table: pd.DataFrame) -> np.ndarray:
    """Years between birth and film: float (N,), NaN where either is missing or the difference is no age."""
    birth = pd.to_numeric(pd.Series(optional_column(table, ["PatientBirth"])), errors="coerce")
    dates = [text[:4] for text in optional_column(table, ["StudyDate_DICOM"])]
    ages = pd.to_numeric(pd.Series(dates), errors="coerce") - birth
    return np.asarray(ages.where(ages.between(0, MAX_AGE), math.nan), dtype=float)


def _findings(cells: list[str], notes: list[str]) -> list[list[str]]:
    findings, unread = [], 0
    for cell in cells:
        try:
            names = written_list(cell)
        except ValueError:
            names = None
        unread += names is None and cell not in ("", "nan")
        findings.append(name_labels(names or []))
    if unread:
        notes.append(f"{unread} cells of Labels are no lists and count as not labelled")
    return findings


def name_labels(labels: list[str]) -> list[str]:
    """The findings of one report's labels, each once; No Finding only where it stands alone.

    >>> name_labels(["pleural effusion", " scoliosis", "unchanged"]), name_labels(["normal"])
    (['Effusion', 'scoliosis'], ['No Finding'])
    """
    stripped = [label.strip().lower() for label in labels]
    names = list(dict.fromkeys(_NAMES.get(label, label) for label in stripped if label not in _NO_LABEL))
    return names if names == [NO_FINDING] else [name for name in names if name != NO_FINDING]
