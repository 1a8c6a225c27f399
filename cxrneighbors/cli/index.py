"""`cxrneighbors index`: embeddings and study table become a searchable index."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import typer


def parse_build_weights(text: str) -> dict[str, float] | Literal["auto"]:
    """What `index --weights` takes: 'auto', or see `parse_weights`."""
    return "auto" if text == "auto" else parse_weights(text)


def parse_weights(text: str) -> dict[str, float]:
    """`"image=1,report=0.5"` -> `{"image": 1.0, "report": 0.5}`; `UserError` for anything else."""
    from cxrneighbors.errors import UserError
    from cxrneighbors.index.fusion import check_weights

    weights = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        if name.strip() in weights:
            raise UserError(f"--weights {text!r}: {name.strip()} is there twice; give it once")
        try:
            weights[name.strip()] = float(value)
        except ValueError:
            raise UserError(f"--weights {text!r}: must read image=1,report=1") from None
    try:
        return check_weights(weights)
    except UserError as error:
        raise UserError(f"--weights {text!r}: {error}") from None


def command(
    embeddings: Path = typer.Argument(..., help="Folder written by encode.", metavar="EMB"),
    studies: list[Path] = typer.Option(
        ..., help="The study table the embeddings were made from. Repeatable: tables taken as one."
    ),
    out: Path = typer.Option(..., help="Folder for the index."),
    add: bool = typer.Option(
        False, "--add", help="Add the films that the index in --out lacks, without building it again."
    ),
    weights: str | None = typer.Option(
        None,
        show_default="image=1,report=1",
        help="Weights of the fused distance; auto: chosen on patients outside split test.",
    ),
    fusion: str | None = typer.Option(
        None, show_default="distance", help="What a fused search ranks by: distance or ranks."
    ),
    shared_space: bool = typer.Option(
        False, help="Train a head for images and one for reports that bring a film to its own report."
    ),
    backend: str | None = typer.Option(None, show_default="hnsw", help="hnsw, exact or milvus."),
) -> None:
    """Build the fused nearest-neighbour index."""
    from cxrneighbors.cli.outputs import refuse_inputs
    from cxrneighbors.data.combine import read_tables
    from cxrneighbors.encoders.shared_space import share_space
    from cxrneighbors.encoders.store import Embeddings
    from cxrneighbors.errors import UserError
    from cxrneighbors.index.neighbor_index import NeighborIndex
    from cxrneighbors.progress import say

    refuse_inputs(out, [embeddings, *studies])
    settings = {"weights": weights, "fusion": fusion, "backend": backend, "shared-space": shared_space}
    if add and (given := next((name for name, value in settings.items() if value), None)):
        raise UserError(f"--add: the index keeps what it was built with; leave --{given} out")
    index = NeighborIndex.load(out) if add else None
    vectors, table = Embeddings.load(embeddings), read_tables(studies)
    if index is not None:
        added = index.add(vectors, table)
        index.save(out)
        say(f"{out}: {added} images added")
    else:
        index = NeighborIndex.build(
            share_space(vectors, table) if shared_space else vectors,
            table,
            weights=parse_build_weights(weights or "image=1,report=1"),
            backend=backend or "hnsw",
            fusion=fusion or "distance",
        )
        index.save(out)
    say(f"{out}: {len(index.studies)} images; search by {', '.join(index.modalities)}")
