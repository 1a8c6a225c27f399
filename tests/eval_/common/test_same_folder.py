"""Two runs' folders: alike but for times, and each other difference is seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from common.same_folder import fingerprint


def folder(place: Path, seconds: float, weight: float = 1.0, loss: float = 0.5, size: int = 7) -> Path:
    (place / "checkpoints").mkdir(parents=True)
    (place / "history.csv").write_text(f"epoch,loss,seconds\n1,{loss},{seconds}\n")
    record = {"history": [{"loss": float("nan"), "seconds": seconds}], "weight": torch.tensor(weight)}
    torch.save(record, place / "checkpoints" / "a.ckpt")
    (place / "model.bin").write_bytes(b"x")
    files = {"history.csv": {"sha256": str(seconds)}, "model.bin": {"bytes": size}}
    (place / "manifest.json").write_text(json.dumps({"complete": True, "files": files}))
    return place


def test_times_do_not_count(tmp_path: Path) -> None:
    one, other = fingerprint(folder(tmp_path / "a", 1.0)), fingerprint(folder(tmp_path / "b", 2.0))
    assert one == other
    assert set(one) == {"checkpoints", "checkpoints/a.ckpt", "history.csv", "manifest.json", "model.bin"}


@pytest.mark.parametrize(
    ("changed", "name"),
    [({"weight": 2.0}, "checkpoints/a.ckpt"), ({"loss": 0.6}, "history.csv"), ({"size": 8}, "manifest.json")],
)
def test_each_other_value_does(tmp_path: Path, changed: dict[str, float], name: str) -> None:
    one = fingerprint(folder(tmp_path / "a", 1.0))
    other = fingerprint(folder(tmp_path / "b", 1.0, **changed))  # type: ignore[arg-type]
    assert [key for key in one if one[key] != other[key]] == [name]
