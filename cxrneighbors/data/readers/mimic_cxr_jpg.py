"""MIMIC-CXR-JPG (Johnson et al. 2019): MIMIC-CXR's images as 8-bit JPEG, with labels, metadata, split."""

from __future__ import annotations

from pathlib import Path

from cxrneighbors.data.imports import ImportResult
from cxrneighbors.data.mimic.build import read_mimic
from cxrneighbors.data.mimic.options import Options


def read(
    root: Path,
    tables: Path | None = None,
    reports: Path | None = None,
    patients: Path | None = None,
    labeler: str = "chexpert",
    uncertain: str = "ignore",
    images: str = "required",
    check_files: bool = True,
    seed: int = 0,
) -> ImportResult:
    """Read the tree as PhysioNet ships it: `files/p10/p10000032/s50414267/<dicom_id>.jpg` and the tables.

    All as `readers.mimic_cxr.read` says, without headers: JPEGs have none. The reports are published with
    the DICOM form alone: they are looked for in `root`, in `tables`, in `mimic-cxr` beside `root`, or given
    by `reports`. Patients are the same in both forms, so `dataset` is 'mimic-cxr' in both.
    """
    options = Options(tables, reports, patients, labeler, uncertain, images, check_files, seed=seed)
    return read_mimic(root, "mimic-cxr-jpg", options)
