"""Work by actors of a real Ray of two workers: order, a killed actor, mistakes in one line; `predict`."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.classifiers import predictions
from cxrneighbors.classifiers.predictions import predict
from cxrneighbors.classifiers.registry import build
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError
from cxrneighbors.ray_cluster import by_actors

pytestmark = pytest.mark.usefixtures("ray")


def test_results_come_in_order_also_after_an_actor_is_killed(tmp_path: Path) -> None:
    killed = tmp_path / "killed"

    def work(held: int, item: int) -> tuple[int, int]:
        if item == 2 and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return held * item, os.getpid()

    results, processes = zip(*by_actors(10, work, range(6), "cpu"), strict=True)
    assert results == (0, 10, 20, 30, 40, 50) and killed.exists()
    assert os.getpid() not in processes and len(set(processes)) >= 2


def test_a_mistake_is_one_line_and_workers_that_always_die_too() -> None:
    def refuse(held: int, item: int) -> None:
        raise UserError("classifier: wrong")

    def die(held: int, item: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(UserError) as raised:
        list(by_actors(0, refuse, [1], "cpu"))
    assert str(raised.value) == "classifier: wrong"
    with pytest.raises(UserError, match=r"engine 'ray': workers are lost \(\w+\).*it goes on from there"):
        list(by_actors(0, die, [1], "cpu"))


def test_predictions_are_those_of_the_local_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "PART", 4)
    rng = np.random.default_rng(0)
    films = [tmp_path / f"{number}.png" for number in range(11)]
    for path in films[:-1]:
        Image.fromarray(rng.integers(0, 255, (32, 32), dtype=np.uint8)).save(path)
    model = build("small-cnn", labels=["Mass", "Edema"], image_size=32, width=4)
    skipped = {engine: Skipped("predict") for engine in ("local", "ray")}
    found = {
        engine: predict(
            model, films, out=tmp_path / f"{engine}.csv", device="cpu", engine=engine, skipped=skipped[engine]
        )
        for engine in skipped
    }
    pd.testing.assert_frame_equal(found["ray"], found["local"], check_exact=True)
    assert (tmp_path / "ray.csv").read_bytes() == (tmp_path / "local.csv").read_bytes()
    assert skipped["ray"].to_frame().equals(skipped["local"].to_frame()) and len(skipped["ray"]) == 1
