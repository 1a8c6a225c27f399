"""`cxrneighbors label-reports`: what each report says is present, absent or uncertain."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    studies: Path = typer.Argument(..., help="A study table with reports.", metavar="STUDIES"),
    out: Path = typer.Option(..., help="The label table to write (Parquet)."),
    rules: Path | None = typer.Option(None, help="A folder of rule files in place of the package's own."),
    workers: int = typer.Option(1, help="Processes that share the work."),
) -> None:
    """Find findings and devices in the reports, with the sentence that says so."""
    from cxrneighbors.cli.outputs import LABELS, check_table
    from cxrneighbors.data.tables import read_table
    from cxrneighbors.progress import say
    from cxrneighbors.reports.labeler.rules import RULES_FOLDER
    from cxrneighbors.reports.labeler.table import label_reports, write_labels

    check_table(out, LABELS, [studies], list_beside=False)
    table = read_table(studies)
    labels = label_reports(table, rules or RULES_FOLDER, workers)
    write_labels(labels, out)
    counts = labels["status"].value_counts()
    said = ", ".join(f"{counts.get(status, 0)} {status}" for status in ("present", "absent", "uncertain"))
    print(f"{labels['study_id'].nunique()} of {table['study_id'].nunique()} studies labelled; {said}")
    say(f"{out}: label table written")
