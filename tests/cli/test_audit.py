"""The verb `audit`: tables and a page, and one line for a mistake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest


def test_audit(
    work: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert call("audit", work / "studies.parquet", "--out", tmp_path / "audit") == 0
    captured = capsys.readouterr()
    assert "films may have writing in them (a suspect list)" in captured.out
    assert "report.html, audit.json, copies.csv" in captured.err
    assert "correlation" in pd.read_csv(tmp_path / "audit" / "copies.csv").columns


def test_mistakes(work: Path, error_of: Callable[..., str], tmp_path: Path) -> None:
    given = ("-q", "audit", work / "studies.parquet", "--out")
    assert "holds index" in error_of(*given, work / "idx")
    assert "is a file; give a folder" in error_of(*given, work / "studies.parquet")
    model = ("--view-classifier", work / "vae")
    assert "no classifier" in error_of(*given, tmp_path / "audit", *model)
    assert not (tmp_path / "audit").exists()
