"""The verb `reproduce`: equal for what evaluate wrote, one line for what differs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cxrneighbors.files import sha256_file


def test_equal(work: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert call("-q", "reproduce", work / "ev") == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{work / 'ev'}: equal, ") and said.endswith("within 1e-09\n")


def test_differs(work: Path, tmp_path: Path, error_of: Callable[..., str]) -> None:
    ev = tmp_path / "ev"
    shutil.copytree(work / "ev", ev)
    assert "is not there; give where it is now" in error_of("-q", "reproduce", ev)
    text = (ev / "overlap.json").read_text()
    mean = json.loads(text)["methods"]["report"]["mean_overlap"]
    (ev / "overlap.json").write_text(text.replace(f'"mean_overlap": {mean}', f'"mean_overlap": {mean + 0.5}'))
    manifest = json.loads((ev / "manifest.json").read_text())
    path = ev / "overlap.json"
    manifest["files"]["overlap.json"] = {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
    (ev / "manifest.json").write_text(json.dumps(manifest))
    said = error_of("-q", "reproduce", ev, "--index", work / "idx")
    assert "mean_overlap: " in said and "0.5 apart" in said
