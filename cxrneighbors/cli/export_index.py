"""`cxrneighbors export-index`: a copy of an index that can be passed on."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    index: Path = typer.Argument(..., help="Folder written by index.", metavar="IDX"),
    share: Path = typer.Option(..., help="Folder for the copy without paths, reports and ids."),
    mapping: Path | None = typer.Option(
        None, help="Private table of which number is whose: .csv, .json or .parquet, outside of the copy."
    ),
    report_vectors: bool = typer.Option(
        False, "--report-vectors", help="Keep vectors of reports, of which much of a text can be guessed."
    ),
) -> None:
    """Copy an index without paths, reports and ids; it is searched by number and by new films."""
    from cxrneighbors.cli.outputs import refuse_inputs
    from cxrneighbors.errors import UserError
    from cxrneighbors.index.neighbor_index import NeighborIndex
    from cxrneighbors.index.sharing import export_index
    from cxrneighbors.index.storage import KIND
    from cxrneighbors.progress import say

    refuse_inputs(share, [index])
    if index.resolve() in share.resolve().parents:
        raise UserError(f"--share {share}: lies in the index itself; give a folder outside of it")
    KIND.check_free(share, {})
    copy = export_index(NeighborIndex.load(index), share, mapping=mapping, report_vectors=report_vectors)
    print(f"{share}: {len(copy.studies)} images by number; search by {', '.join(copy.modalities)}")
    if mapping is not None:
        say(f"{mapping}: which number is whose; keep it to yourself")
