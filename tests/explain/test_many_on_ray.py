"""Cohorts on a real Ray of two workers: the local engine's bytes, a killed worker, a killed driver."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxrneighbors.classifiers.registry import build
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.explain.many import explain_many
from cxrneighbors.explain.registry import build_explainer
from cxrneighbors.index.neighbor_index import NeighborIndex

FILMS = ["p0", "p77", "p1", "p0"]


pytestmark = pytest.mark.usefixtures("ray")


@pytest.fixture
def index(world: Any) -> NeighborIndex:
    """With graphs of hnswlib, which travel too."""
    vectors = Embeddings.from_arrays(list(world.studies["image_id"]), image=world.index.vectors["image"])
    return NeighborIndex.build(vectors, world.studies)


def explainer_of(model: Any, index: NeighborIndex) -> Any:
    return build_explainer("kp-lime", model, index, n_masks=12, k=2, segmentation="slic", device="cpu")


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_the_bytes_of_the_local_engine(index: NeighborIndex, world: Any, tmp_path: Path) -> None:
    network = build("small-cnn", labels=["Nodule", "Effusion"], image_size=48, width=4)
    explainer = explainer_of(network, index)
    images = [*FILMS, world.folder / "p0.png"]
    local = explain_many(explainer, images, "Nodule", tmp_path / "local")
    table = explain_many(explainer, images, "Nodule", tmp_path / "ray", engine="ray")
    assert table.equals(local) and len(table) == 2
    assert files_of(tmp_path / "ray") == files_of(tmp_path / "local")


def test_the_film_of_a_killed_worker_is_done_again(index: NeighborIndex, tmp_path: Path) -> None:
    killed, driver = tmp_path / "killed", os.getpid()

    class Fragile:  # a local class, so that it travels whole
        labels = ("Nodule", "Effusion")
        image_size, aspect = 48, "pad"

        def __call__(self, images: np.ndarray) -> np.ndarray:
            if os.getpid() != driver and not killed.exists():
                killed.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return np.stack([images.mean((1, 2, 3)), images.max((1, 2, 3))], axis=1)

    explainer = explainer_of(Fragile(), index)
    explain_many(explainer, FILMS, "Nodule", tmp_path / "local")
    explain_many(explainer, FILMS, "Nodule", tmp_path / "ray", engine="ray")
    assert killed.exists() and files_of(tmp_path / "ray") == files_of(tmp_path / "local")


DRIVER = """
import os, signal, sys, time
from pathlib import Path
import numpy as np
import ray
from cxrneighbors.explain.many import explain_many
from cxrneighbors.explain.registry import build_explainer
from cxrneighbors.index.neighbor_index import NeighborIndex

driver, index, out = os.getpid(), NeighborIndex.load(sys.argv[1]), sys.argv[2]

class Deadly:
    labels = ("Nodule", "Effusion")
    image_size, aspect = 48, "pad"

    def __call__(self, images):
        if list(Path(out).glob("films/p*/panel.png")):  # a film is done
            os.kill(driver, signal.SIGKILL)
            time.sleep(60)
        return np.stack([images.mean((1, 2, 3)), images.max((1, 2, 3))], axis=1)

ray.init(num_cpus=1, log_to_driver=False, include_dashboard=False)
explainer = build_explainer("kp-lime", Deadly(), index, n_masks=12, k=2, segmentation="slic", device="cpu")
explain_many(explainer, ["p0", "p1", "p2"], "Nodule", out, engine="ray")
"""


def test_a_killed_driver_loses_no_whole_film(index: NeighborIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "index")
    driver = [sys.executable, "-c", DRIVER, str(tmp_path / "index"), str(tmp_path / "ray")]
    assert subprocess.run(driver, check=False).returncode == -signal.SIGKILL
    kept = files_of(tmp_path / "ray" / "films" / "p0")
    assert "panel.png" in kept

    class Deadly:
        labels = ("Nodule", "Effusion")
        image_size, aspect = 48, "pad"

        def __call__(self, images: np.ndarray) -> np.ndarray:
            return np.stack([images.mean((1, 2, 3)), images.max((1, 2, 3))], axis=1)

    Deadly.__qualname__ = "Deadly"
    explainer, images = explainer_of(Deadly(), NeighborIndex.load(tmp_path / "index")), ["p0", "p1", "p2"]
    stamp = (tmp_path / "ray" / "films" / "p0" / "panel.png").stat().st_mtime_ns
    explain_many(explainer, images, "Nodule", tmp_path / "ray", engine="ray")
    assert (tmp_path / "ray" / "films" / "p0" / "panel.png").stat().st_mtime_ns == stamp
    explain_many(explainer, images, "Nodule", tmp_path / "local")
    found = files_of(tmp_path / "ray")
    assert found == files_of(tmp_path / "local")
    assert {name: found[f"films/p0/{name}"] for name in kept} == kept
