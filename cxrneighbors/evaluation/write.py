"""The files of an evaluation: figures, tables and the page, all made from its result."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.artifact import Kind
from cxrneighbors.csv_text import csv_text
from cxrneighbors.evaluation.evaluate import OverlapResult
from cxrneighbors.evaluation.figures.cases import Case, cases, cases_table
from cxrneighbors.evaluation.figures.figure4 import draw_figure4
from cxrneighbors.evaluation.figures.figure5 import draw_figure5, figure5_table
from cxrneighbors.evaluation.figures.table1 import table1
from cxrneighbors.evaluation.report_page import render_page
from cxrneighbors.evaluation.wording import by
from cxrneighbors.figures import figure_files, to_png
from cxrneighbors.files import naming, write_json_atomic
from cxrneighbors.index.storage import Source
from cxrneighbors.leftovers import temporary_folder

NUMBERS = ("overlap.json", "neighbors.parquet", "table1.csv")
PICTURES = ("figure4.png", "figure5.png", "figures", "report.html")
FILES = (*NUMBERS, *PICTURES)
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
    result: OverlapResult,
    folder: str | Path,
    show_reports: bool | None = None,
    print_figures: bool = True,
) -> list[Path]:
    """Write all files of a result into `folder` and return their paths; other files there are left alone.

    A folder with an evaluation of another question (`QUESTION`) or seed, or of other images, is refused.

    `show_reports`: whether report.html and table1.csv hold report text word for word; None: only where no
    report is MIMIC's (`is_credentialed`). `print_figures`: whether `figures` is written.

    First the numbers: overlap.json, neighbors.parquet, table1.csv (where there are reports). Then the
    pictures: figure4.png (of the first index method), figure5.png, report.html, and in `figures` both figures
    of every index method as PNG and SVG in the widths of one and two columns, with their numbers as CSV. Last
    manifest.json. Each part is made in a folder aside and then moved: no file is ever half-written, and a
    picture that fails leaves the numbers there, in a folder that counts as unfinished.
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
        _write(result, folder, plan, shows_reports(result.studies, show_reports), print_figures)
    return [folder / name for name in FILES if (folder / name).exists()]


def _write(
    result: OverlapResult, folder: Path, plan: dict[str, Any], show_reports: bool, print_figures: bool
) -> None:
    reports = table1(result)
    if not show_reports:
        reports = reports.assign(report="")
    folder.mkdir(parents=True, exist_ok=True)
    with temporary_folder(folder / "evaluation") as aside:
        _write_numbers(result, reports, aside)
        work = EVALUATION.begin(folder, plan, own=FILES)
        if work.complete:
            work.reopen()
        for name in FILES:  # what an earlier run left does not belong to this result
            shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink(
                missing_ok=True
            )
        _move(aside, folder)
        _write_pictures(result, reports, aside, show_reports, print_figures)
        _move(aside, folder)
    work.finish({"index": _where(result.source, folder)})


def _where(source: Source | None, folder: Path) -> dict[str, str] | None:
    """The index as `reproduce` looks for it: its folder, counted from the evaluation's, and its hash."""
    if source is None:
        return None
    try:
        place = os.path.relpath(os.path.realpath(source.folder), os.path.realpath(folder))
    except ValueError:  # another drive
        place = source.folder.name
    return {"folder": Path(place).as_posix(), "manifest_sha256": source.digest}


def _move(aside: Path, folder: Path) -> None:
    for path in sorted(aside.iterdir()):
        os.replace(path, folder / path.name)


def _write_numbers(result: OverlapResult, reports: pd.DataFrame, folder: Path) -> None:
    write_json_atomic(folder / "overlap.json", result.summary)
    result.neighbors.to_parquet(folder / "neighbors.parquet", index=False)
    if len(reports):
        (folder / "table1.csv").write_text(csv_text(reports), encoding="utf-8")


def _write_pictures(
    result: OverlapResult, reports: pd.DataFrame, folder: Path, show_reports: bool, print_figures: bool
) -> None:
    shown = {method: cases(result, method) for method in result.main_methods()}
    table5 = csv_text(figure5_table(result), "%.6g")
    figure5 = figure_files("figure5", partial(draw_figure5, result), table5)
    (folder / "figure5.png").write_bytes(figure5["figure5-2col.png"])
    first = result.main_methods()[0]
    figure4 = draw_figure4(shown[first], by(first, result.summary))
    (folder / "figure4.png").write_bytes(to_png(figure4))
    vector = (figure5["figure5-2col.svg"], figure5["figure5-1col.svg"])
    page = render_page(result, shown, vector, reports, show_reports)
    (folder / "report.html").write_text(page, encoding="utf-8")
    if print_figures:
        (folder / "figures").mkdir()
        for name, content in (figure5 | _figure4_files(result, shown)).items():
            (folder / "figures" / name).write_bytes(content)


def _figure4_files(result: OverlapResult, shown: dict[str, list[Case]]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for method, examples in shown.items():
        draw = partial(draw_figure4, examples, by(method, result.summary))
        files |= figure_files(f"figure4-{method}", draw, csv_text(cases_table(examples), "%.6g"))
    return files
