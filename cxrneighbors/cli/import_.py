"""`cxrneighbors import`: a data set's folder becomes a study table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer


def command(
    dataset: str = typer.Argument(
        ...,
        help="chestxray14, mimic-cxr, mimic-cxr-jpg, chexpert, padchest, vindr-cxr, openi, covid-chestxray, "
        "lime-ray, folder or phantom.",
        metavar="DATASET",
    ),
    root: Path = typer.Argument(
        ..., help="The data set's folder (openi: or the published .tgz).", metavar="ROOT"
    ),
    out: Path = typer.Option(..., help="The study table to write (Parquet)."),
    images: str | None = typer.Option(
        None,
        help="'optional' keeps rows that have no image file (chestxray14, mimic, chexpert, padchest, vindr).",
    ),
    csv: str | None = typer.Option(
        None,
        help="folder: the CSV below ROOT, studies.csv by default; none, or without one: the films alone.",
    ),
    column: list[str] = typer.Option(
        [], help="folder: which CSV column fills which table column, as findings=Labels; repeatable."
    ),
    separator: str | None = typer.Option(
        None, help="folder: what separates findings in a cell; | by default."
    ),
    patient_from_name: str | None = typer.Option(
        None, help="folder: a regular expression that finds the patient in a film's path, as '^(p[0-9]+)_'."
    ),
    splits: str | None = typer.Option(
        None, help="lime-ray, chexpert: 'patients' draws train, val and test anew by patient."
    ),
    tables: Path | None = typer.Option(None, help="mimic: folder of the CSV tables, where not in ROOT."),
    reports: Path | None = typer.Option(None, help="mimic: zip or folder of the reports."),
    patients_table: Path | None = typer.Option(
        None, help="mimic: MIMIC-IV's patients.csv.gz, for sex and age."
    ),
    labeler: str | None = typer.Option(None, help="mimic: chexpert or negbio."),
    uncertain: str | None = typer.Option(
        None, help="mimic, chexpert: what uncertain labels (-1) mean: ignore, positive or negative."
    ),
    radiologists: int | None = typer.Option(
        None, help="vindr-cxr: how many of three radiologists must name a finding; 2 by default."
    ),
    headers: bool | None = typer.Option(
        None, help="mimic-cxr, vindr-cxr: read DICOM headers for what the tables do not say."
    ),
    check_files: bool | None = typer.Option(None, help="mimic: whether to look for every image file."),
    patients: int | None = typer.Option(None, help="phantom: patients to generate when ROOT is new."),
    image_size: int | None = typer.Option(None, help="phantom: pixels a side."),
    relative: bool = typer.Option(
        False, help="Write the files' paths from OUT's folder, so that films and table can move together."
    ),
    pseudonymise: Path | None = typer.Option(
        None,
        metavar="KEYFILE",
        help="Replace ids of images, patients and studies by keyed hashes (HMAC-SHA256); paths are relative.",
    ),
    drop_paths: bool = typer.Option(False, help="With --pseudonymise: a table without paths, to pass on."),
    seed: int | None = typer.Option(
        None, min=0, max=2**32 - 1, help="Seed of the patient split, and of the phantoms."
    ),
) -> None:
    """Read a data set into one validated table; bad rows go to skipped.csv beside it."""
    from cxrneighbors.cli.outputs import STUDIES, check_table
    from cxrneighbors.data import pseudonyms
    from cxrneighbors.data.imports import import_dataset
    from cxrneighbors.data.skipped import write_skipped
    from cxrneighbors.data.tables import write_regions, write_table
    from cxrneighbors.errors import UserError
    from cxrneighbors.progress import say
    from cxrneighbors.statistics.patients import count_patients

    if drop_paths and pseudonymise is None:
        raise UserError("--drop-paths: is for tables under pseudonyms; give --pseudonymise KEYFILE too")
    key = None if pseudonymise is None else pseudonyms.read_key(pseudonymise)
    inputs = [root, tables, reports, patients_table, pseudonymise, None if csv is None else root / csv]
    check_table(out, STUDIES, [path for path in inputs if path is not None])
    # What was not given stays the reader's default; an option of another data set is a one-line error.
    options: dict[str, Any] = {
        "images": images,
        "csv": csv,
        "columns": parse_pairs(column, "--column") or None,
        "separator": separator,
        "patient_from_name": patient_from_name,
        "splits": splits,
        "tables": tables,
        "reports": reports,
        "patients": patients_table,
        "labeler": labeler,
        "uncertain": uncertain,
        "radiologists": radiologists,
        "headers": headers,
        "check_files": check_files,
        "n_patients": patients,
        "image_size": image_size,
        "seed": seed,
    }
    given = {name: value for name, value in options.items() if value is not None}
    result = import_dataset(dataset, root, **given)
    if key is not None:
        relative = True
        *tables_now, said = pseudonyms.pseudonymise(result.studies, result.regions, key, not drop_paths)
        result.studies, result.regions = tables_now
        result.skipped = pseudonyms.pseudonymise_skipped(result.skipped, key)
        result.notes = pseudonyms.hidden(result.notes) + said
    write_table(result.studies, out, relative)
    write_regions(result.regions, out, relative)
    skipped = write_skipped(result.skipped, out.parent, f"import {out.name}")
    studies = result.studies
    for note in result.notes:
        say(note if note.startswith("warning: ") else f"note: {note}")
    say(
        f"{out}: {len(studies)} images of {count_patients(studies)} patients; "
        f"{len(result.skipped)} rows skipped" + (f" (reasons in {skipped})" if len(result.skipped) else "")
    )


def parse_pairs(texts: list[str], option: str) -> dict[str, str]:
    """`["a=b", "c=d"]` -> `{"a": "b", "c": "d"}`; anything else is a `UserError` that names the option."""
    from cxrneighbors.errors import UserError

    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (equals and key.strip() and value.strip()):
            raise UserError(f"{option} {text!r}: must read name=value, for instance findings=Labels")
        pairs[key.strip()] = value.strip()
    return pairs
