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
    monkeypatch.setattr("cxrneighbors.cli.places._check_model", lambda *_: None)
    names = {"s": work / "studies.parquet", "o": tmp_path / "new"}
    assert said in error_of(*command.format(**names).split())
    assert not list(tmp_path.iterdir())
