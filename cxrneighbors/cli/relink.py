"""`cxrneighbors relink`: a study table whose films have moved finds them again."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    studies: Path = typer.Argument(..., help="The study table.", metavar="STUDIES"),
    root: Path = typer.Option(..., help="The folder below which the films lie now."),
    out: Path = typer.Option(..., help="The study table to write (Parquet)."),
    relative: bool = typer.Option(
        False, help="Write the files' paths from OUT's folder, so that films and table can move together."
    ),
) -> None:
    """Look for a table's films below another folder; what is not found loses its pixels and is listed."""
    from cxrneighbors.cli.outputs import STUDIES, check_table
    from cxrneighbors.data.relink import relink
    from cxrneighbors.data.skipped import Skipped, write_skipped
    from cxrneighbors.data.tables import read_regions, read_table, write_regions, write_table
    from cxrneighbors.progress import say

    check_table(out, STUDIES, [studies])
    skipped = Skipped(f"relink {out.name}")
    table, regions = relink(read_table(studies), read_regions(studies), root, skipped)
    write_table(table, out, relative)
    write_regions(regions, out, relative)
    listed = write_skipped(skipped, out.parent)
    say(
        f"{out}: {table['path'].notna().sum()} of {len(table)} images have their film below {root}"
        + (f"; {skipped.summary()}, in {listed}" if len(skipped) else "")
    )
