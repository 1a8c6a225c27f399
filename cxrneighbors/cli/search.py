"""`cxrneighbors search`: the nearest images of images, of films on disk, or of texts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    import numpy as np


def command(
    index: Path = typer.Argument(..., help="Folder written by index.", metavar="IDX"),
    image_id: list[str] = typer.Option([], help="An image of the index; repeatable."),
    image: list[Path] = typer.Option([], help="An image file: PNG, JPEG or DICOM; repeatable."),
    text: list[str] = typer.Option(
        [], help="Report text; repeatable. Beside images: one for all of them, or one each."
    ),
    patient_id: list[str] = typer.Option(
        [],
        help="Whose images or texts these are, as ID or DATASET:ID, one for all or one each; that patient's "
        "images are left out.",
    ),
    k: int = typer.Option(5, "-k", help="Neighbours a query."),
    where: str | None = typer.Option(
        None, help="Which images may be found, e.g. \"view == 'PA' and age > 60\"."
    ),
    modality: str | None = typer.Option(
        None, help="image, report, fused (default: what the query has), image-to-report, report-to-image."
    ),
    weights: str | None = typer.Option(None, help="Other weights for this search, as image=1,report=0.5."),
    fusion: str | None = typer.Option(
        None, help="What image and report together rank by: distance or ranks; by default the index's."
    ),
    policy: str = typer.Option(
        "nearest", help="nearest, diverse (near, unlike in findings), cluster or random."
    ),
    include_same_patient: bool = typer.Option(False, help="Let the query's own patient be found."),
    one_per: str = typer.Option(
        "image", help="study or patient: of each one image at most, the nearest; image: every image counts."
    ),
    seed: int = typer.Option(0, min=0, max=2**32 - 1, help="Seed of the random policy."),
    device: str = typer.Option("cpu", help="Where exact distances are computed: cpu, cuda or auto."),
    allow_download: bool = typer.Option(
        False, "--allow-download", help="Fetch an encoder that the index names from the hub, if need be."
    ),
    json: bool = typer.Option(False, help="Print JSON records instead of a table."),
    out: Path | None = typer.Option(
        None, help="Also write the hits to a file: .csv, .json or .parquet, with the columns of --json."
    ),
) -> None:
    """Find nearest neighbours."""
    from cxrneighbors.cli.index import parse_weights
    from cxrneighbors.cli.outputs import refuse_inputs
    from cxrneighbors.index.neighbor_index import NeighborIndex
    from cxrneighbors.progress import say
    from cxrneighbors.records import check_replaceable, joined_lists, json_text, write_records
    from cxrneighbors.statistics.patients import patient_codes

    if out is not None:
        refuse_inputs(out, [index, *image])
        check_replaceable(out, ["query_id", "rank", "neighbor_id"])
    loaded = NeighborIndex.load(index, allow_download, device)
    n_films = len(image_id) or len(image)
    hits = loaded.search(
        image_id or None,
        image=image or None,
        text=(text * n_films if len(text) == 1 and n_films else text) or None,
        patient_id=patient_id[0] if len(patient_id) == 1 else patient_id or None,
        k=k,
        where=where,
        modality=modality,
        policy=policy,
        include_same_patient=include_same_patient,
        one_per=one_per,
        weights=None if weights is None else parse_weights(weights),
        fusion=fusion,
        seed=seed,
    )
    records = hits.assign(one_per=one_per)
    if out is not None:
        write_records(records, out)
    if json:
        print(json_text(records))
    else:
        shown = joined_lists(hits.drop(columns="path"))
        print(shown.to_string(index=False, float_format=lambda value: f"{value:.4f}"))
    found = loaded.studies.iloc[loaded.store.rows_of(hits["neighbor_id"].tolist())]
    say(patients_line(patient_codes(found.reset_index(drop=True)).reshape(-1, k), one_per))


def patients_line(patients: np.ndarray, one_per: str) -> str:
    """How many patients stand behind the neighbours: int (Q, K), the patient of each."""
    n = [len(set(line)) for line in patients.tolist()]
    k, of = patients.shape[1], f"{n[0]}" if min(n) == max(n) else f"{min(n)} to {max(n)}"
    line = f"one per {one_per}: {k} images of {of} different patients" + (" each" if len(n) > 1 else "")
    return line if min(n) == k else f"{line}; --one-per patient finds {k}"
