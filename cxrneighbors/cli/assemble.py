"""`cxrneighbors assemble`: a table of exclusive classes from other study tables."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    studies: list[Path] = typer.Argument(..., help="The study tables to choose from.", metavar="STUDIES..."),
    out: Path = typer.Option(..., help="The study table to write (Parquet)."),
    folders: Path | None = typer.Option(
        None, help="Also copy the images to this new folder as train|val|test/CLASS/*, LIME-RAY's layout."
    ),
    classes: list[str] = typer.Option(
        [],
        "--class",
        help="NAME=FINDING|FINDING...; DATASET:FINDING takes it from one source. Repeatable; the first class "
        "that fits is an image's class. Default: COVID-19, Tuberculosis, Pneumonia, No Finding.",
    ),
    views: str = typer.Option("PA,AP,UNKNOWN", help="Views to use, comma-separated."),
    limit: int | None = typer.Option(None, min=1, help="Images at most of a class from one data set."),
    seed: int = typer.Option(
        0, min=0, max=2**32 - 1, help="Seed of the patient split and of what --limit takes."
    ),
) -> None:
    """Choose images by findings, one class each; train, val and test share no patient."""
    from cxrneighbors.cli.import_ import parse_pairs
    from cxrneighbors.cli.outputs import STUDIES, check_table
    from cxrneighbors.data.assemble import assemble, source_counts, write_layout
    from cxrneighbors.data.skipped import write_skipped
    from cxrneighbors.data.tables import read_table, write_table
    from cxrneighbors.progress import say

    check_table(out, STUDIES, studies)
    given = {
        name: tuple(part.strip() for part in text.split("|"))
        for name, text in parse_pairs(classes, "--class").items()
    }
    wanted_views = [view.strip() for view in views.split(",") if view.strip()]
    result = assemble(
        [read_table(path) for path in studies], given or None, views=wanted_views, limit=limit, seed=seed
    )
    if folders is not None:
        write_layout(result.studies, folders)
    write_table(result.studies, out)
    write_skipped(result.skipped, out.parent, f"assemble {out.name}")
    names = result.studies["findings"].str[0]
    print(source_counts(names, result.studies["dataset"]).to_string())
    print(source_counts(names, result.studies["split"]).rename_axis(columns="split").to_string())
    for note in result.notes:
        say(note if note.startswith("warning") else f"note: {note}")
    say(f"{out}: {len(result.studies)} images; {len(result.skipped)} left out (skipped.csv)")
