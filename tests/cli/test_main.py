"""The command line as a whole: nothing heavy at start, help, quiet, errors in one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HEAVY = ("torch", "pandas", "numpy", "transformers", "lightning", "sklearn", "matplotlib", "scipy", "monai")


def test_start_loads_nothing_heavy() -> None:
    code = f"import sys, cxrneighbors.cli.main; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "verb",
    [
        "import",
        "train-vae",
        "train-contrastive",
        "encode",
        "index",
        "search",
        "evaluate",
        "demo",
        "train-classifier",
        "explain",
    ],
)
def test_every_verb_explains_itself(
    verb: str, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(verb, "--help") == 0
    assert "Usage: cxrneighbors " + verb in capsys.readouterr().out


def test_quiet_says_nothing(
    work: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ("index", work / "emb", "--studies", work / "studies.parquet", "--out", tmp_path / "idx")
    call(*arguments, "-q")
    assert capsys.readouterr().err == ""
    call(*arguments)
    assert "images" in capsys.readouterr().err


def test_no_traceback_without_debug(
    tmp_path: Path,
    call: Callable[..., int],
    error_of: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call("--debug", "search", tmp_path / "no", "--image-id", "x") == 2
    assert "Traceback" in capsys.readouterr().err
    assert "Traceback" not in error_of("search", tmp_path / "no", "--image-id", "x")
