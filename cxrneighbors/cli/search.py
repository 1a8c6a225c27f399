"""`cxrneighbors search`: the nearest images of an image, a film on disk, or a text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    import numpy as np


def command(
    index: Path = typer.Argument(..., help="Folder written by index.", metavar="IDX"),
    image_id: list[str] = typer.Option([], help="An image of the index; repeatable."),
    image: Path | None = typer.Option(None, help="An image file: PNG, JPEG or DICOM."),
    text: str | None = typer.Option(None, help="Report text."),
    patient_id: str | None = typer.Option(
        None, help="Whose image or text it is, as ID or DATASET:ID; that patient's images are left out."
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
    allow_download: bool = typer.Option(
        False, "--allow-download", help="Fetch an encoder that the index names from the hub, if need be."
    ),
    json: bool = typer.Option(False, help="Print JSON records instead of a table."),
) -> None:
    """Find nearest neighbours."""
    from cxrneighbors.cli.index import parse_weights
    from cxrneighbors.index.neighbor_index import NeighborIndex
    from cxrneighbors.progress import say
    from cxrneighbors.statistics.patients import patient_codes

    loaded = NeighborIndex.load(index, allow_download)
    hits = loaded.search(
        image_id or None,
        image=image,
        text=text,
        patient_id=patient_id,
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
    found = loaded.studies.set_index("image_id").loc[hits["neighbor_id"]]
    hits = hits.assign(
        patient_id=found["patient_id"].to_numpy(),
        view=found["view"].to_numpy(),
        findings=["|".join(names) for names in found["findings"]],
    )
    if json:
        print(hits.assign(one_per=one_per).to_json(orient="records", indent=2))
    else:
        print(hits.to_string(index=False, float_format=lambda value: f"{value:.4f}"))
    say(patients_line(patient_codes(found.reset_index()).reshape(-1, k), one_per))


def patients_line(patients: np.ndarray, one_per: str) -> str:
    """How many patients stand behind the neighbours: int (Q, K), the patient of each."""
    n = [len(set(line)) for line in patients.tolist()]
    k, of = patients.shape[1], f"{n[0]}" if len(n) == 1 else f"{min(n)} to {max(n)}"
    line = f"one per {one_per}: {k} images of {of} different patients" + (" each" if len(n) > 1 else "")
    return line if min(n) == k else f"{line}; --one-per patient finds {k}"
