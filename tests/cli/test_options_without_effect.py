"""Options that the call gives nothing to do are told, not passed over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            "predict-views {s} --out {o}.parquet --classifier {s} --model-out {o}",
            "--model-out: is for training",
        ),
        ("predict-views {s} --out {o}.parquet --classifier {s} --restart", "--restart: is for training"),
        (
            "explain {w}/idx --classifier {w} --image-id a --target m --out {o} --engine ray",
            "--engine ray: is for several films",
        ),
        ("train-classifier {s} --out {o} --model small-cnn --new-head", "--new-head: leaves the last layer"),
    ],
)
def test_they_are_named(
    command: str,
    said: str,
    work: Path,
    tmp_path: Path,
    error_of: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for check in ("_check_model", "_check_target"):
        monkeypatch.setattr(f"cxrneighbors.cli.places.{check}", lambda *_: None)
    names = {"w": work, "s": work / "studies.parquet", "o": tmp_path / "new"}
    assert said in error_of(*command.format(**names).split())
    assert not list(tmp_path.iterdir())
