"""`cxrneighbors verify`: is a folder still what was written?"""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    folder: Path = typer.Argument(
        ..., help="Embeddings, an index, a model, an evaluation, explanations, phantoms.", metavar="DIR"
    ),
) -> None:
    """Compute every hash of a folder again and name the first difference."""
    from cxrneighbors.verification import verify

    for line in verify(folder).lines():
        print(line)
