from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cxrneighbors.encoders.encode import encode
from cxrneighbors.errors import UserError

SIZES = {"shard_size": 5, "batch_size": 2}


def fake_ray() -> types.ModuleType:
    """The few names the engine uses, run in place; tasks finish in reverse order."""
    ray = types.ModuleType("ray")

    class Remote:
        def __init__(self, function: Any) -> None:
            self.function = function

        def remote(self, *arguments: Any) -> Any:
            return lambda: self.function(*arguments)

    ray.is_initialized = lambda: True  # type: ignore[attr-defined]
    ray.put = lambda value: value  # type: ignore[attr-defined]
    ray.remote = lambda **options: Remote  # type: ignore[attr-defined]
    ray.wait = lambda tasks, num_returns: (tasks[-1:], tasks[:-1])  # type: ignore[attr-defined]
    ray.get = lambda tasks: [task() for task in tasks]  # type: ignore[attr-defined]
    return ray


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def check_same_bytes(studies: pd.DataFrame, tmp_path: Path) -> None:
    options = {"image": "pca", "report": "tfidf", **SIZES}
    encode(studies, out=tmp_path / "local", **options)
    encode(studies, out=tmp_path / "ray", engine="ray", **options)
    assert files_of(tmp_path / "ray") == files_of(tmp_path / "local")


def test_shards_are_those_of_the_local_engine(
    studies: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "ray", fake_ray())
    check_same_bytes(studies, tmp_path)


def test_without_ray_the_extra_is_named(
    studies: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'cxrneighbors\[ray\]'"):
        encode(studies, image="pixels", out=tmp_path / "emb", engine="ray", **SIZES)


def test_on_a_real_ray(studies: pd.DataFrame, tmp_path: Path):
    ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    ray.init(num_cpus=1, log_to_driver=False, include_dashboard=False)
    try:
        check_same_bytes(studies, tmp_path)
    finally:
        ray.shutdown()
