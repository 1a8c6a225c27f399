"""`cxrneighbors label-reports`: what each report says is present, absent or uncertain."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    studies: Path = typer.Argument(
        ..., help="A study table with reports, or mimic-cxr-reports.zip as it is.", metavar="STUDIES|ZIP"
    ),
    out: Path = typer.Option(..., help="The label table to write (Parquet)."),
    rules: Path | None = typer.Option(None, help="A folder of rule files in place of the package's own."),
    workers: int = typer.Option(1, help="Processes that share the work."),
) -> None:
    """Find findings and devices in the reports, with the sentence that says so.

    The zip is read a thousand reports at a time: memory does not grow with their number.
    """
    from cxrneighbors.cli.outputs import LABELS, check_table
    from cxrneighbors.data.schema import has_text
    from cxrneighbors.data.tables import read_table
    from cxrneighbors.errors import UserError
    from cxrneighbors.progress import say
    from cxrneighbors.reports.labeler.rules import RULES_FOLDER
    from cxrneighbors.reports.labeler.table import label_reports, write_labels

    if studies.suffix.lower() == ".zip":
        check_table(out, LABELS, [studies])
        _label_archive(studies, out, rules or RULES_FOLDER, workers)
        return
    check_table(out, LABELS, [studies], list_beside=False)
    table = read_table(studies)
    if not has_text(table["report"]).any() and table["sections"].isna().all():
        raise UserError(f"{studies}: holds no report; import a data set that has reports")
    labels = label_reports(table, rules or RULES_FOLDER, workers)
    write_labels(labels, out)
    counts = labels["status"].value_counts()
    said = ", ".join(f"{counts.get(status, 0)} {status}" for status in ("present", "absent", "uncertain"))
    print(f"{labels['study_id'].nunique()} of {table['study_id'].nunique()} studies labelled; {said}")
    say(f"{out}: label table written")


def _label_archive(archive: Path, out: Path, rules: Path, workers: int) -> None:
    from cxrneighbors.data.mimic.report_stream import label_archive
    from cxrneighbors.data.skipped import Skipped, write_skipped
    from cxrneighbors.progress import say

    skipped = Skipped("label-reports")
    counts = label_archive(archive, out, skipped, rules, workers)
    listed = write_skipped(skipped, out.parent) if len(skipped) else None
    said = ", ".join(f"{counts[status]} {status}" for status in ("present", "absent", "uncertain"))
    print(f"{counts['labelled']} of {counts['reports']} reports labelled; {said}")
    say(f"{out}: label table written" + (f"; {skipped.summary()}, listed in {listed}" if listed else ""))
