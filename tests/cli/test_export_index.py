"""The verb `export-index`: a copy by number, a private mapping, and one line for a mistake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest


def test_a_copy_and_whose_it_is(
    work: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    share, mapping = tmp_path / "share", tmp_path / "whose.parquet"
    assert call("export-index", work / "idx", "--share", share, "--mapping", mapping) == 0
    captured = capsys.readouterr()
    assert "images by number; search by image" in captured.out and "keep it to yourself" in captured.err
    whose = pd.read_parquet(mapping)
    assert list(whose.columns) == ["number", "image_id", "patient_id", "study_id", "dataset"]
    assert set(whose["image_id"]) == set(pd.read_parquet(work / "idx" / "studies.parquet")["image_id"])
    assert call("-q", "search", share, "--image-id", whose["number"].iloc[0], "-k", 3) == 0
    assert call("-q", "export-index", work / "idx", "--share", share, "--report-vectors") == 0
    assert "search by image, report, fused" in capsys.readouterr().out


def test_mistakes(work: Path, error_of: Callable[..., str], tmp_path: Path) -> None:
    given = ("-q", "export-index", work / "idx", "--share")
    assert "is what this command reads" in error_of(*given, work / "idx")
    assert "lies in the index itself" in error_of(*given, work / "idx" / "share")
    assert "holds other files" in error_of(*given, work / "ev")
    inside = ("--mapping", tmp_path / "share" / "whose.csv")
    assert "lies inside the folder that is shared" in error_of(*given, tmp_path / "share", *inside)
    (tmp_path / "notes.txt").write_text("mine")
    below = ("--mapping", tmp_path / "notes.txt" / "whose.csv")
    assert "notes.txt: is a file" in error_of(*given, tmp_path / "share", *below)
    assert not (tmp_path / "share").exists()
