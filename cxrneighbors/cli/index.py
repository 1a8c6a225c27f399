"""`cxrneighbors index`: embeddings and study table become a searchable index."""

from __future__ import annotations

from pathlib import Path

import typer


def parse_weights(text: str) -> dict[str, float]:
    """`"image=1,report=0.5"` -> `{"image": 1.0, "report": 0.5}`; `UserError` for anything else."""
    from cxrneighbors.errors import UserError
    from cxrneighbors.index.fusion import check_weights

    weights = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
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
    studies: Path = typer.Option(..., help="The study table the embeddings were made from."),
    out: Path = typer.Option(..., help="Folder for the index."),
    weights: str = typer.Option("image=1,report=1", help="Weights of the fused distance."),
    backend: str = typer.Option("hnsw", help="hnsw, exact or milvus."),
) -> None:
    """Build the fused nearest-neighbour index."""
    from cxrneighbors.data.tables import read_table
    from cxrneighbors.encoders.store import Embeddings
    from cxrneighbors.index.neighbor_index import NeighborIndex
    from cxrneighbors.progress import say

    index = NeighborIndex.build(
        Embeddings.load(embeddings), read_table(studies), weights=parse_weights(weights), backend=backend
    )
    index.save(out)
    say(f"{out}: {len(index.studies)} images; search by {', '.join(index.modalities)}")
