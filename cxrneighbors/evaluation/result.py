"""What an evaluation returns, and the files it writes."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.files import write_json_atomic

FILES = ("overlap.json", "neighbors.parquet", "figure4.png", "figure5.png", "table1.csv", "report.html")


@dataclass
class OverlapResult:
    """Result of `evaluate_overlap`.

    summary: the content of overlap.json; neighbors: search's columns and `method`; studies: the index's study
    table; examples: per index method, the targets that Figure 4 and Table 1 show (see `examples.RULE`).
    """

    summary: dict[str, Any]
    neighbors: pd.DataFrame
    studies: pd.DataFrame = field(repr=False)
    examples: dict[str, list[dict[str, Any]]] = field(repr=False)

    def main_methods(self) -> list[str]:
        """The index's own methods that were scored, of `image`, `report`, `fused`."""
        return list(self.examples)

    def write(self, folder: str | Path) -> list[Path]:
        """Write all files into `folder` and return their paths; other files there are left alone.

        overlap.json, neighbors.parquet, figure4.png, figure5.png, table1.csv (where there are reports) and
        report.html. All are made in a folder aside first and then moved: no file is ever half-written, and an
        error on the way leaves an older result as it was.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=folder, prefix=".evaluate."))
        try:
            made = self._write_aside(aside)
            for name in FILES:
                if name in made:
                    os.replace(aside / name, folder / name)
                else:  # a table of an earlier run does not belong to this result
                    (folder / name).unlink(missing_ok=True)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return [folder / name for name in FILES if name in made]

    def _write_aside(self, folder: Path) -> list[str]:
        from cxrneighbors.evaluation.figures.figure4 import draw_figure4
        from cxrneighbors.evaluation.figures.figure5 import draw_figure5
        from cxrneighbors.evaluation.figures.table1 import table1
        from cxrneighbors.evaluation.report_page import render_page

        write_json_atomic(folder / "overlap.json", self.summary)
        self.neighbors.to_parquet(folder / "neighbors.parquet", index=False)
        figure5, figure4 = draw_figure5(self), draw_figure4(self)
        (folder / "figure5.png").write_bytes(figure5)
        (folder / "figure4.png").write_bytes(figure4)
        reports = table1(self)
        if len(reports):
            reports.to_csv(folder / "table1.csv", index=False)
        page = render_page(self, figure4, figure5, reports)
        (folder / "report.html").write_text(page, encoding="utf-8")
        return sorted(path.name for path in folder.iterdir())
