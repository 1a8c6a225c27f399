"""`cxrneighbors import`: a data set's folder becomes a study table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer


def command(
    dataset: str = typer.Argument(
        ..., help="chestxray14, covid-chestxray, openi, lime-ray, folder or phantom.", metavar="DATASET"
    ),
    root: Path = typer.Argument(
        ..., help="The data set's folder (openi: or the published .tgz).", metavar="ROOT"
    ),
    out: Path = typer.Option(..., help="The study table to write (Parquet)."),
    images: str = typer.Option(
        "required", help="chestxray14: 'optional' keeps rows that have no image file."
    ),
    csv: str = typer.Option("studies.csv", help="folder: the CSV file below ROOT."),
    column: list[str] = typer.Option(
        [], help="folder: which CSV column fills which table column, as findings=Labels; repeatable."
    ),
    separator: str = typer.Option("|", help="folder: what separates findings in a cell."),
    splits: str = typer.Option(
        "folders", help="lime-ray: 'patients' draws train, val and test anew by patient."
    ),
    patients: int = typer.Option(400, help="phantom: patients to generate when ROOT is new."),
    image_size: int = typer.Option(224, help="phantom: pixels a side."),
    seed: int = typer.Option(0, help="Seed of the patient split, and of the phantoms."),
) -> None:
    """Read a data set into one validated table; bad rows go to skipped.csv beside it."""
    from cxrneighbors.data.imports import import_dataset
    from cxrneighbors.data.skipped import write_skipped
    from cxrneighbors.data.tables import write_regions, write_table
    from cxrneighbors.progress import say

    options: dict[str, Any] = {"seed": seed}
    if dataset == "chestxray14":
        options["images"] = images
    if dataset == "folder":
        options.update(csv=csv, columns=parse_pairs(column, "--column"), separator=separator)
    if dataset == "lime-ray":
        options["splits"] = splits
    if dataset == "phantom":
        options.update(n_patients=patients, image_size=image_size)
    result = import_dataset(dataset, root, **options)
    write_table(result.studies, out)
    write_regions(result.regions, out)
    skipped = write_skipped(result.skipped, out.parent, f"import {out.name}")
    studies = result.studies
    for note in result.notes:
        say(f"note: {note}")
    say(
        f"{out}: {len(studies)} images of {studies['patient_id'].nunique()} patients; "
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
