"""The files of an evaluation: figures, tables and the page, all made from its result."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cxrneighbors.evaluation.evaluate import OverlapResult
from cxrneighbors.evaluation.figures.figure4 import draw_figure4
from cxrneighbors.evaluation.figures.figure5 import draw_figure5
from cxrneighbors.evaluation.figures.table1 import table1
from cxrneighbors.evaluation.report_page import render_page
from cxrneighbors.files import write_json_atomic

FILES = ("overlap.json", "neighbors.parquet", "figure4.png", "figure5.png", "table1.csv", "report.html")


def write_evaluation(result: OverlapResult, folder: str | Path) -> list[Path]:
    """Write all files of a result into `folder` and return their paths; other files there are left alone.

    overlap.json, neighbors.parquet, figure4.png, figure5.png, table1.csv (where there are reports) and
    report.html. All are made in a folder aside first and then moved: no file is ever half-written, and an
    error on the way leaves an older result as it was.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".evaluate.") as aside:
        _write_aside(result, Path(aside))
        made = [name for name in FILES if Path(aside, name).exists()]
        for name in made:
            os.replace(Path(aside, name), folder / name)
    for name in set(FILES) - set(made):  # a table of an earlier run does not belong to this result
        (folder / name).unlink(missing_ok=True)
    return [folder / name for name in made]


def _write_aside(result: OverlapResult, folder: Path) -> None:
    write_json_atomic(folder / "overlap.json", result.summary)
    result.neighbors.to_parquet(folder / "neighbors.parquet", index=False)
    figure5, figure4 = draw_figure5(result), draw_figure4(result)
    (folder / "figure5.png").write_bytes(figure5)
    (folder / "figure4.png").write_bytes(figure4)
    reports = table1(result)
    if len(reports):
        reports.to_csv(folder / "table1.csv", index=False)
    page = render_page(result, figure4, figure5, reports)
    (folder / "report.html").write_text(page, encoding="utf-8")
