"""`cxrneighbors audit`: what is wrong with a data set, before it is learned from."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    studies: list[Path] = typer.Argument(..., help="Study tables, looked at together.", metavar="STUDIES..."),
    out: Path = typer.Option(..., help="Folder for report.html, tables and audit.json."),
    view_classifier: Path | None = typer.Option(
        None, help="Folder of a view classifier, as predict-views writes it: view tags are checked too."
    ),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
) -> None:
    """Find copies, patients in two splits, contradicting labels and views, and writing in films."""
    from cxrneighbors.audit.page import sentences
    from cxrneighbors.audit.run import AUDIT, audit_studies
    from cxrneighbors.cli.outputs import refuse_inputs
    from cxrneighbors.data.combine import read_tables
    from cxrneighbors.progress import say

    refuse_inputs(out, studies)
    AUDIT.check_free(out, {})
    result = audit_studies(read_tables(studies), view_classifier=view_classifier, device=device)
    result.write(out)
    for sentence in sentences(result.counts):
        print(sentence)
    print(f"{result.counts['writing_suspects']} films may have writing in them (a suspect list)")
    say(f"{out}: report.html, audit.json, {', '.join(f'{name}.csv' for name in result.tables)}")
