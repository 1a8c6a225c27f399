"""The files of an evaluation: figures, tables and the page, all made from its result."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from cxrneighbors.artifact import Kind
from cxrneighbors.evaluation.evaluate import OverlapResult
from cxrneighbors.evaluation.figures.figure4 import draw_figure4
from cxrneighbors.evaluation.figures.figure5 import draw_figure5
from cxrneighbors.evaluation.figures.table1 import table1
from cxrneighbors.evaluation.report_page import render_page
from cxrneighbors.files import write_json_atomic

FILES = ("overlap.json", "neighbors.parquet", "figure4.png", "figure5.png", "table1.csv", "report.html")
EVALUATION = Kind("evaluation", 1, "evaluate")
QUESTION = ("k", "definition", "where", "targets", "same_patient_excluded", "one_per")


def check_free(folder: str | Path, asked: dict[str, Any], seed: int) -> None:
    """Raise `UserError` where `folder` holds another evaluation, or one that was `asked` otherwise.

    `asked`: values of `QUESTION`.
    """
    EVALUATION.check_free(folder, {"question": asked, "seed": seed}, own=FILES)


def write_evaluation(result: OverlapResult, folder: str | Path) -> list[Path]:
    """Write all files of a result into `folder` and return their paths; other files there are left alone.

    A folder with an evaluation of another question (`QUESTION`) or seed, or of other images, is refused.

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
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".evaluate.") as aside:
        _write_aside(result, Path(aside))
        made = [name for name in FILES if Path(aside, name).exists()]
        work = EVALUATION.begin(folder, plan, own=FILES)
        if work.complete:
            work.reopen()
        for name in made:
            os.replace(Path(aside, name), folder / name)
    for name in set(FILES) - set(made):  # a table of an earlier run does not belong to this result
        (folder / name).unlink(missing_ok=True)
    work.finish()
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
