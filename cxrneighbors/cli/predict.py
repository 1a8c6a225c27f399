"""`cxrneighbors predict`: a classifier's probabilities of films, with heat maps on demand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    import pandas as pd


def command(
    classifier: Path = typer.Argument(..., help="Folder written by train-classifier.", metavar="CLASSIFIER"),
    films: list[Path] = typer.Argument(
        ..., help="Study tables; or image files and folders of them.", metavar="STUDIES|FILES..."
    ),
    out: Path = typer.Option(
        ...,
        help="Probabilities to write, .csv, .parquet or .json: image_id (of a file its path) and a column a "
        "label. skipped.csv beside it lists what was left out; an interrupted run goes on.",
    ),
    heat_map: Path | None = typer.Option(
        None, help="Folder for pictures of where the evidence for --target lies, one a film, and scores."
    ),
    target: str | None = typer.Option(None, help="The label of the heat maps."),
    method: str = typer.Option(
        "grad-cam", help="Of the heat maps: grad-cam or occlusion (257 calls a film)."
    ),
    batch_size: int = typer.Option(64, min=1, help="Films a batch."),
    precision: str = typer.Option(
        "auto",
        help="auto (float16 on a GPU), float32, or bfloat16: faster on a CPU with instructions for it.",
    ),
    engine: str = typer.Option("local", help="local or ray."),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
) -> None:
    """Score films by a classifier."""
    from cxrneighbors.classifiers.predictions import predict
    from cxrneighbors.classifiers.registry import load_classifier
    from cxrneighbors.cli.outputs import refuse_inputs
    from cxrneighbors.data.skipped import Skipped, write_skipped
    from cxrneighbors.errors import UserError, choose
    from cxrneighbors.explain.heat_maps import HEAT_MAPS, METHODS, heat_maps
    from cxrneighbors.progress import say

    refuse_inputs(out, [classifier, *films])
    if (heat_map is None) != (target is None):
        raise UserError("predict: --heat-map and --target go together; give both or neither")
    choose("method of heat maps", method, list(METHODS))
    if heat_map is not None:
        HEAT_MAPS.check_free(heat_map, {"target": target, "method": method})
    model, asked, skipped = load_classifier(classifier, device), read_films(films), Skipped("predict")
    if target is not None:
        choose("target", target, model.labels)
    found = predict(
        model,
        asked,
        out=out,
        batch_size=batch_size,
        device=device,
        precision=precision,
        skipped=skipped,
        engine=engine,
    )
    write_skipped(skipped, out.parent, f"predict {out.name}")
    say(f"{out}: {len(found)} films, {', '.join(model.labels)}")
    if heat_map is not None and target is not None:
        drawn = heat_maps(
            model, asked, target, heat_map, method=method, device=device, skipped=Skipped("heat maps")
        )
        say(f"{heat_map}: {len(drawn)} pictures, heat_maps.csv")


def read_films(given: list[Path]) -> pd.DataFrame | list[Path]:
    """Study tables as one, or image files, those of folders too; a `UserError` for both at once."""
    from cxrneighbors.data.combine import read_tables
    from cxrneighbors.data.image_files import image_files
    from cxrneighbors.errors import UserError

    tables = [path.suffix.lower() == ".parquet" for path in given]
    if all(tables):
        return read_tables(given)
    if any(tables):
        table, film = given[tables.index(True)], given[tables.index(False)]
        raise UserError(f"{table}, {film}: a study table and an image file; give one kind at a time")
    return image_files(given)
