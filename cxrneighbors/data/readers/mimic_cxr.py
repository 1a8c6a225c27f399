"""MIMIC-CXR (Johnson et al., Sci Data 2019): 377,110 DICOM images of 227,835 studies with their reports."""

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
    headers: bool = False,
    seed: int = 0,
) -> ImportResult:
    """Read the tree as PhysioNet ships it: `files/p10/p10000032/s50414267/<dicom_id>.dcm` and the lists.

    `image_id` is the dicom_id, `patient_id` the subject_id, `study_id` the study_id. Tables (`.csv` or
    `.csv.gz`) are looked for in `root`, in the folder `tables`, and in `mimic-cxr-jpg` beside `root`, whose
    metadata, labels and split serve both forms. Without a list of images the tree itself is read.

    `reports`: zip or folder of the texts; by default `mimic-cxr-reports.zip` or its folder in `root`, or the
    texts beside the study folders. `patients`: MIMIC-IV's patients.csv.gz, for sex and age
    (`mimic.people.ages_at`). `labeler`: 'chexpert' or 'negbio'; `uncertain`: what -1 means
    (`mimic.labels.label_table`); findings are named by `mimic/labels.toml`. The published split holds,
    'validate' as 'val'; without it patients are split by a hash with `seed`.

    The view comes from ViewPosition, ViewCodeSequence, PerformedProcedureStepDescription, SeriesDescription,
    the first that is understood; the column `view_source` says which, 'none' where the view stays UNKNOWN.
    `headers=True` asks the DICOM headers where the table is blank, and adds `rows`, `columns`, `bits_stored`
    and `photometric_interpretation`; attributes outside `mimic.headers.ALLOWED` are not read. Otherwise no
    image is opened. `uncertain_findings` names what the labeler was uncertain of, joined by '|'.

    Rows without their file are skipped (`images='required'`) or kept with `path` None (`'optional'`);
    `check_files=False` builds paths from the ids and looks at no folder.

    Raises `UserError` for a missing root or given path, a table without its id columns, and when there are
    neither lists nor images.
    """
    options = Options(tables, reports, patients, labeler, uncertain, images, check_files, headers, seed)
    return read_mimic(root, "mimic-cxr", options)
