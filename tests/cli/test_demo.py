"""The verb `demo`: its options reach `run_demo`, whose own test is tests/test_demo.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cxrneighbors import demo


def test_options_reach_the_job(monkeypatch: pytest.MonkeyPatch, call: Callable[..., int]) -> None:
    given = []
    monkeypatch.setattr(demo, "run_demo", lambda out, **options: given.append((out, options)))
    assert call("demo") == 0
    assert call("demo", "--out", "x", "--patients", 9, "--epochs", 2, "--image-size", 64, "--seed", 5) == 0
    usual = {"patients": 480, "epochs": 12, "image_size": 224, "seed": 0}
    asked = {"patients": 9, "epochs": 2, "image_size": 64, "seed": 5}
    assert given == [(Path("demo-output"), usual), (Path("x"), asked)]


@pytest.mark.parametrize(
    ("option", "said"),
    [(("--patients", 0), "at least 1"), (("--image-size", 100), "multiple of 32")],
)
def test_mistakes_write_nothing(
    option: tuple, said: str, tmp_path: Path, error_of: Callable[..., str]
) -> None:
    arguments = ("demo", "--out", tmp_path / "demo", "--patients", 2, "--image-size", 32)
    assert said in error_of("-q", *arguments, *option)
    assert not list(tmp_path.rglob("*"))
