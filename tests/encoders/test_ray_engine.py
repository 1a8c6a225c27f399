from __future__ import annotations

import os
import signal
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.data.tables import read_table, write_table
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.pixels import PixelEncoder
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
    ray.get = lambda task: task()  # type: ignore[attr-defined]
    lost = types.SimpleNamespace(RayTaskError=KeyError, RayError=OSError)
    ray.exceptions = lost  # type: ignore[attr-defined]
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


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """A real one with two workers."""
    ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield ray
    ray.shutdown()


def test_on_a_real_ray(ray: Any, studies: pd.DataFrame, tmp_path: Path):
    check_same_bytes(studies, tmp_path)


def test_the_task_of_a_killed_worker_runs_again(ray: Any, studies: pd.DataFrame, tmp_path: Path):
    killed = tmp_path / "killed"

    class Fragile(PixelEncoder):  # a local class, so that it travels whole
        def encode(self, images: np.ndarray) -> np.ndarray:
            if not killed.exists():
                killed.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().encode(images)

    encode(studies, image=PixelEncoder(), out=tmp_path / "local", **SIZES)
    encode(studies, image=Fragile(), out=tmp_path / "ray", engine="ray", **SIZES)
    assert killed.exists() and files_of(tmp_path / "ray") == files_of(tmp_path / "local")


DRIVER = """
import os, signal, sys, time
from pathlib import Path
import ray
from cxrneighbors.data.tables import read_table
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.pixels import PixelEncoder

driver, table, out = os.getpid(), *sys.argv[1:]

class Deadly(PixelEncoder):
    def encode(self, images):
        if list(Path(out).glob("image/*")):  # a shard is there
            os.kill(driver, signal.SIGKILL)
            time.sleep(60)
        return super().encode(images)

ray.init(num_cpus=1, log_to_driver=False, include_dashboard=False)
encode(read_table(table), image=Deadly(), out=out, engine="ray", shard_size=5, batch_size=2)
"""


def test_a_killed_driver_loses_no_whole_shard(ray: Any, studies: pd.DataFrame, tmp_path: Path):
    write_table(studies, tmp_path / "studies.parquet")
    given = read_table(tmp_path / "studies.parquet")
    driver = [sys.executable, "-c", DRIVER, str(tmp_path / "studies.parquet"), str(tmp_path / "ray")]
    assert subprocess.run(driver, check=False).returncode == -signal.SIGKILL
    kept = files_of(tmp_path / "ray")
    encode(given, image=PixelEncoder(), out=tmp_path / "local", **SIZES)
    encode(given, image=PixelEncoder(), out=tmp_path / "ray", engine="ray", **SIZES)
    found = files_of(tmp_path / "ray")
    assert found == files_of(tmp_path / "local")
    shards = {name: content for name, content in kept.items() if name in found and "manifest" not in name}
    assert shards and all(found[name] == content for name, content in shards.items())
