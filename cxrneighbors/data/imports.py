"""From a published data set's folder to a checked study table, whichever reader does it."""

from __future__ import annotations

import importlib
import inspect
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.data.readers import DATASETS
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.tables import empty_regions
from cxrneighbors.errors import UserError, choose
from cxrneighbors.reports.summary import reports_line
from cxrneighbors.statistics.patients import count_patients


@dataclass(repr=False)
class ImportResult:
    """What a reader found.

    `studies`: the study table. `regions`: boxes and lesion masks (see `data.tables`), empty where the data
    set has none. `skipped`: rows left out. `notes`: lines on values that were changed or set to missing.
    """

    studies: pd.DataFrame
    regions: pd.DataFrame = field(default_factory=empty_regions)
    skipped: Skipped = field(default_factory=Skipped)
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        """Short: counts."""
        images = f"{len(self.studies):,} images of {count_patients(self.studies):,} patients"
        return f"<ImportResult: {images}; {len(self.regions):,} regions; {self.skipped.summary()}>"


def import_dataset(dataset: str, root: str | Path, **options: Any) -> ImportResult:
    """Read data set `dataset` (a name in `readers.DATASETS`) from folder or file `root`.

    `options` go to the reader's `read` function. The study table comes back validated
    (`schema.validate_studies`); a bad row never stops the reading, it is listed in `skipped`. Where there
    are reports, a note says which of their sections are read (`reports.summary.reports_line`).

    Raises `UserError` for an unknown data set or option, a missing root, file or column, or when no row
    could be used at all.
    """
    choose("data set", dataset, list(DATASETS))
    read = importlib.import_module(DATASETS[dataset]).read
    known = [name for name in inspect.signature(read).parameters if name != "root"]
    for option in options:
        choose(f"option of data set {dataset}", option, known)
    result: ImportResult = read(Path(root), **options)
    if not len(result.studies):
        raise UserError(
            f"{root}: no row of it can be used, {result.skipped.summary()}; "
            "check that the folder holds this data set with its images"
        )
    result.studies = validate_studies(result.studies, source=f"{dataset} at {root}")
    told = result.studies[result.studies["report"].notna()].drop_duplicates(["study_id", "report"])
    if len(told):
        result.notes.append(reports_line(told["report"].tolist(), told["sections"].tolist()))
    return result


def read_studies(dataset: str, root: str | Path, **options: Any) -> pd.DataFrame:
    """The study table of `import_dataset` alone."""
    return import_dataset(dataset, root, **options).studies


def require_root(root: str | Path, dataset: str) -> Path:
    """`root` as an absolute path; a `UserError` when nothing is there."""
    path = Path(os.path.abspath(root))
    if not path.exists():
        raise UserError(f"{root}: no such file or folder; give the folder that holds the {dataset} data set")
    return path
