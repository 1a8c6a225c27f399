"""`cxrneighbors reproduce`: does an evaluation come out again?"""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    evaluation: Path = typer.Argument(..., help="Folder written by evaluate.", metavar="DIR"),
    index: Path | None = typer.Option(
        None, help="The index, where it is not the one, or not in the place, that DIR names."
    ),
) -> None:
    """Run an evaluation again from its own settings and compare every number with its overlap.json."""
    from cxrneighbors.errors import UserError
    from cxrneighbors.evaluation.rerun import TOLERANCE, reproduce
    from cxrneighbors.index.neighbor_index import NeighborIndex
    from cxrneighbors.progress import say

    found = reproduce(evaluation, None if index is None else NeighborIndex.load(index))
    for other in found.versions:
        say(f"note: made with another version, {other}")
    if found.difference is not None:
        raise UserError(f"{evaluation}: differs, {found.difference}; the index or a library is another one")
    print(f"{evaluation}: equal, {found.n_values:,} values of overlap.json within {TOLERANCE:g}")
