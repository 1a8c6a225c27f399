"""The verb `train-lungs`: options reach the training, mistakes end in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cxrneighbors.lungs import training


def test_options_reach_the_training(
    monkeypatch: pytest.MonkeyPatch, call: Callable[..., int], tmp_path: Path
) -> None:
    given = []
    monkeypatch.setattr(
        training, "train_lungs", lambda root, out, **options: given.append((root, out, options))
    )
    options = ("--epochs", 7, "--width", 4, "--seed", 3, "--image-size", 64, "--device", "cpu")
    assert call("train-lungs", tmp_path, "--out", tmp_path / "out", *options) == 0
    expected = {"epochs": 7, "width": 4, "seed": 3, "image_size": 64, "batch_size": 16, "device": "cpu"}
    assert given == [(tmp_path, tmp_path / "out", expected)]


@pytest.mark.parametrize(
    ("option", "said"), [(("--image-size", 100), "multiple of 16"), (("--epochs", 0), "epochs")]
)
def test_mistakes_leave_no_folder(
    option: tuple, said: str, tmp_path: Path, error_of: Callable[..., str]
) -> None:
    assert said in error_of("train-lungs", tmp_path, "--out", tmp_path / "out", *option)
    assert "labels.csv: no such file" in error_of("train-lungs", tmp_path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
