"""The files of an evaluation: figures, tables and the page, all made from its result."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.artifact import Kind
from cxrneighbors.csv_text import csv_text
from cxrneighbors.evaluation.evaluate import OverlapResult
from cxrneighbors.evaluation.figures.figure4 import draw_figure4
from cxrneighbors.evaluation.figures.figure5 import draw_figure5
from cxrneighbors.evaluation.figures.table1 import table1
from cxrneighbors.evaluation.report_page import render_page
from cxrneighbors.files import naming, write_json_atomic

FILES = ("overlap.json", "neighbors.parquet", "figure4.png", "figure5.png", "table1.csv", "report.html")
EVALUATION = Kind("evaluation", 1, "evaluate")
QUESTION = ("k", "definition", "where", "targets", "same_patient_excluded", "one_per")


def check_free(folder: str | Path, asked: dict[str, Any], seed: int) -> None:
    """Raise `UserError` where `folder` holds another evaluation, or one that was `asked` otherwise.

    `asked`: values of `QUESTION`.
    """
    EVALUATION.check_free(folder, {"question": asked, "seed": seed}, own=FILES)


def is_credentialed(studies: pd.DataFrame) -> bool:
    """Whether a table has reports of MIMIC's shape: by the data set's name, or by its blanks, '___'.

    Who may read them has signed not to pass them on.
    """
    texts = studies["report"].dropna()
    named = studies["dataset"].loc[texts.index].astype(str).str.lower().str.startswith("mimic")
    return bool(named.any() or texts.astype(str).str.contains("___", regex=False).any())


def shows_reports(studies: pd.DataFrame, asked: bool | None) -> bool:
    """Whether outputs hold report text: as asked, by default unless it `is_credentialed`."""
    return not is_credentialed(studies) if asked is None else asked


def write_evaluation(
    result: OverlapResult, folder: str | Path, show_reports: bool | None = None
) -> list[Path]:
    """Write all files of a result into `folder` and return their paths; other files there are left alone.

    A folder with an evaluation of another question (`QUESTION`) or seed, or of other images, is refused.

    `show_reports`: whether report.html and table1.csv hold report text word for word; None: only where no
    report is MIMIC's (`is_credentialed`).

    overlap.json, neighbors.parquet, figure4.png, figure5.png, table1.csv (where there are reports) and
    report.html, and manifest.json. All are made in a folder aside first and then moved: no file is ever
    half-written, and an error on the way leaves an older result as it was.
    """
    folder = Path(folder)
    summary = result.summary
    plan = {
        "question": {name: summary[name] for name in QUESTION},
        "seed": summary["settings"]["seed"],
        "n_images": summary["settings"]["n_images"],
        "encoders": summary["settings"]["encoders"],
    }
    EVALUATION.check_free(folder, plan, own=FILES)
    with naming(folder):
        _write(result, folder, plan, shows_reports(result.studies, show_reports))
    return [folder / name for name in FILES if (folder / name).exists()]


def _write(result: OverlapResult, folder: Path, plan: dict[str, Any], reports: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{folder.name}.") as aside:
        _write_aside(result, Path(aside), reports)
        made = [name for name in FILES if Path(aside, name).exists()]
        work = EVALUATION.begin(folder, plan, own=FILES)
        if work.complete:
            work.reopen()
        for name in made:
            os.replace(Path(aside, name), folder / name)
    for name in set(FILES) - set(made):  # a table of an earlier run does not belong to this result
        (folder / name).unlink(missing_ok=True)
    work.finish()


def _write_aside(result: OverlapResult, folder: Path, show_reports: bool) -> None:
    write_json_atomic(folder / "overlap.json", result.summary)
    result.neighbors.to_parquet(folder / "neighbors.parquet", index=False)
    figure5, figure4 = draw_figure5(result), draw_figure4(result)
    (folder / "figure5.png").write_bytes(figure5)
    (folder / "figure4.png").write_bytes(figure4)
    reports = table1(result)
    if not show_reports:
        reports = reports.assign(report="")
    if len(reports):
        (folder / "table1.csv").write_text(csv_text(reports), encoding="utf-8")
    page = render_page(result, figure4, figure5, reports, show_reports)
    (folder / "report.html").write_text(page, encoding="utf-8")
