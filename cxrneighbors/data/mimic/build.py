"""MIMIC-CXR's tables and tree to a study table: what the readers of both forms share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.csv_rows import optional_column, read_csv_rows
from cxrneighbors.data.imports import ImportResult, require_root
from cxrneighbors.data.mimic.headers import NO_HEADER, read_headers
from cxrneighbors.data.mimic.labels import label_table
from cxrneighbors.data.mimic.layout import SUFFIXES, Sources, find_sources
from cxrneighbors.data.mimic.listing import list_images, with_files
from cxrneighbors.data.mimic.options import Options
from cxrneighbors.data.mimic.people import ages_at, read_people
from cxrneighbors.data.mimic.study_reports import add_reports
from cxrneighbors.data.mimic.views import CODED, DESCRIBED, NO_SOURCE, ORIENTATION, choose_views
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import fill_splits, patient_split, split_named
from cxrneighbors.errors import UserError

# The texts on the view -> the metadata table's columns.
_COLUMNS = {
    "ViewPosition": "ViewPosition",
    "ViewCodeSequence": "ViewCodeSequence_CodeMeaning",
    "PerformedProcedureStepDescription": "PerformedProcedureStepDescription",
    "SeriesDescription": "SeriesDescription",  # not in the published table; a local one may have it
    ORIENTATION: "PatientOrientationCodeSequence_CodeMeaning",
}
# Columns that the headers add -> DICOM keywords.
_PIXELS = {
    "rows": "Rows",
    "columns": "Columns",
    "bits_stored": "BitsStored",
    "photometric_interpretation": "PhotometricInterpretation",
}


def read_mimic(root: Path, form: str, options: Options) -> ImportResult:
    """Read MIMIC-CXR in `form` ('mimic-cxr' or 'mimic-cxr-jpg'); see `readers.mimic_cxr.read`."""
    root = require_root(root, form)
    sources = find_sources(root, form, options.tables, options.patients)
    skipped, notes = Skipped(), list(sources.notes)
    listing = list_images(root, form, sources, skipped, notes)
    rows = with_files(listing.rows, root, sources, SUFFIXES[form], options, skipped)
    texts, metadata = _metadata(rows, listing.metadata, sources, skipped, notes)
    studies = rows[["image_id", "path", "patient_id", "study_id"]].copy()
    if options.headers and form == "mimic-cxr":
        studies, texts, metadata = _add_headers(studies, texts, metadata, skipped)
    views = choose_views(texts, len(studies))
    studies[["view", "position"]] = views[["view", "position"]]
    if not len(sources.tables.keys() & {"metadata"}) and not options.headers:
        notes.append(
            "no metadata table (mimic-cxr-2.0.0-metadata.csv.gz): all views are UNKNOWN; "
            "give the JPG form's tables" + (", or read the headers" if form == "mimic-cxr" else "")
        )
    _add_people(studies, metadata, sources, skipped, notes)
    labels = _labels(sources, options, skipped, notes)
    studies["findings"] = _lookup(labels, "findings", studies["study_id"], [])
    studies["split"] = pd.Series(_split(studies, sources, options.seed, skipped, notes), dtype=object)
    studies["dataset"] = "mimic-cxr"  # both forms show the same patients
    studies["view_source"] = views["view_source"]
    studies["uncertain_findings"] = _lookup(labels, "uncertain_findings", studies["study_id"], "")
    _note_views(views, notes)
    add_reports(studies, listing.studies, sources, options, skipped, notes)
    return ImportResult(studies, skipped=skipped, notes=notes)


def _metadata(
    rows: pd.DataFrame, table: pd.DataFrame | None, sources: Sources, skipped: Skipped, notes: list[str]
) -> tuple[dict[str, list[str]], pd.DataFrame]:
    """Texts on the view, and `date` (YYYYMMDD, the years' source) of each image, from the metadata table."""
    unknown = pd.DataFrame({"date": "", "sex": None, "age": np.nan}, index=rows.index)
    if "metadata" not in sources.tables:
        return {}, unknown
    if table is None:
        table = read_csv_rows(sources.tables["metadata"], skipped, notes)
    table = table[[name for name in table if name in {"dicom_id", "StudyDate", *_COLUMNS.values()}]]
    table = table.drop_duplicates("dicom_id").set_index("dicom_id").reindex(rows["image_id"]).fillna("")
    texts = {name: table[column].tolist() for name, column in _COLUMNS.items() if column in table.columns}
    dates = pd.Series(optional_column(table, ["StudyDate"]), dtype=object, index=rows.index)
    return texts, unknown.assign(date=dates)


def _add_headers(
    studies: pd.DataFrame, texts: dict[str, list[str]], metadata: pd.DataFrame, skipped: Skipped
) -> tuple[pd.DataFrame, dict[str, list[str]], pd.DataFrame]:
    """Blank texts from the headers, size and kind of the pixels; files of no use are left out."""
    there = studies.index[studies["path"].notna()]
    found = dict(zip(there, read_headers(studies.loc[there, "path"].tolist()), strict=True))
    headers = [found.get(row, NO_HEADER) for row in studies.index]
    good = np.array([not header["trouble"] for header in headers], dtype=bool)
    for image, header in zip(studies["image_id"], headers, strict=True):
        if header["trouble"]:
            skipped.add(image, header["trouble"])
    usable = [header for header in headers if not header["trouble"]]
    merged = {}
    for name in (*CODED, *DESCRIBED, ORIENTATION):
        given = np.array(texts.get(name, [""] * len(headers)), dtype=object)[good]
        merged[name] = [csv or header[name] for csv, header in zip(given, usable, strict=True)]

    def column(name: str) -> pd.Series:
        return pd.Series([header[name] for header in usable], dtype=object)

    metadata = metadata[good].reset_index(drop=True)
    studies = studies[good].reset_index(drop=True)
    pixels = {name: column(keyword) for name, keyword in _PIXELS.items()}
    people = metadata.assign(sex=column("PatientSex"), age=column("PatientAge"))
    return studies.assign(**pixels), merged, people


def _add_people(
    studies: pd.DataFrame, metadata: pd.DataFrame, sources: Sources, skipped: Skipped, notes: list[str]
) -> None:
    """Fill `sex` and `age`: MIMIC-IV's table first, then what headers said."""
    sex = pd.Series(metadata["sex"].to_numpy(), dtype=object)
    age = pd.to_numeric(metadata["age"], errors="coerce").to_numpy(dtype=float)
    if "patients" in sources.tables:
        people = read_people(sources.tables["patients"], skipped, notes)
        subjects = studies["patient_id"]
        given = _lookup(people, "sex", subjects, None)
        sex = given.where(given.notna(), sex)
        anchored = ages_at(people, subjects, metadata["date"].astype(object), notes)
        age = np.where(np.isnan(anchored), age, anchored)
    studies["sex"] = pd.Series([value if isinstance(value, str) else None for value in sex], dtype=object)
    studies["age"] = age


def _labels(sources: Sources, options: Options, skipped: Skipped, notes: list[str]) -> pd.DataFrame:
    path = sources.tables.get(options.labeler)
    if path is None:
        notes.append(
            f"no {options.labeler} table (mimic-cxr-2.0.0-{options.labeler}.csv.gz): nothing is labelled"
        )
        return pd.DataFrame({"findings": [], "uncertain_findings": []}, dtype=object)
    return label_table(read_csv_rows(path, skipped, notes), path, options.uncertain, notes)


def _lookup(table: pd.DataFrame, column: str, keys: pd.Series, default: object) -> pd.Series:
    """Values of `column` by key: object (N,), `default` where the key is not in the table."""
    known = dict(zip(table.index, table[column], strict=True))
    return pd.Series([known.get(key, default) for key in keys], dtype=object, index=keys.index)


def _split(
    studies: pd.DataFrame, sources: Sources, seed: int, skipped: Skipped, notes: list[str]
) -> np.ndarray:
    """The published split ('validate' is 'val'); images that it lacks follow their patient, else a hash."""
    if "split" not in sources.tables:
        return patient_split(studies["patient_id"], seed=seed)
    path = sources.tables["split"]
    table = read_csv_rows(path, skipped, notes)
    if "dicom_id" not in table.columns or "split" not in table.columns:
        raise UserError(f"{path}: column 'dicom_id' or 'split' is missing; get the table again")
    named = {text: split_named(text) for text in set(table["split"])}
    side = dict(zip(table["dicom_id"], map(named.get, table["split"]), strict=True))
    given = [side.get(image) for image in studies["image_id"]]
    missing = given.count(None)
    if not missing:
        return np.array(given, dtype=object)
    notes.append(f"{missing} images are not in {path.name}: they follow their patient")
    drawn = patient_split(studies["patient_id"], seed=seed)
    return fill_splits(given, studies["patient_id"].tolist(), drawn.tolist())


def _note_views(views: pd.DataFrame, notes: list[str]) -> None:
    counts = views["view_source"].value_counts()
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if name != NO_SOURCE)
    notes.append(f"views from: {said or 'nothing'}; {int(counts.get(NO_SOURCE, 0))} left UNKNOWN")
