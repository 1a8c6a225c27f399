"""Two processes on a CPU (gloo): the losses of one, also after a signal and after a killed worker."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from cxrneighbors.classifiers.registry import build
from cxrneighbors.classifiers.training import train_classifier
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.encoders.vae import VAE
from cxrneighbors.errors import Terminated, UserError
from cxrneighbors.training import together
from cxrneighbors.training.batches import EpochBatches, batch_loader
from cxrneighbors.training.trainer import CHECKPOINTS, Training

Workers = list[subprocess.Popen[bytes]]


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workers]:
    """The processes that are started."""
    torch.set_num_threads(1)
    started: Workers = []
    start = together._start
    monkeypatch.setattr(together, "_start", lambda *given: started.append(start(*given)) or started[-1])
    yield started
    assert all(worker.poll() is not None for worker in started), "none is left"


def once_kept(folder: Path, act: Any) -> None:
    """Call `act` in a thread as soon as `folder` holds a checkpoint."""

    def watch() -> None:
        while not list((folder / CHECKPOINTS).glob("epoch-*.ckpt")):
            time.sleep(0.01)
        act()

    threading.Thread(target=watch, daemon=True).start()


def same_history(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    measured = [name for name in expected if "second" not in name]
    assert found.columns.tolist() == expected.columns.tolist()
    np.testing.assert_allclose(found[measured], expected[measured], rtol=2e-4)


def test_a_vae_of_two_processes_is_that_of_one_also_after_sigterm(tmp_path: Path, workers: Workers) -> None:
    images = np.random.default_rng(0).random((77, 1, 32, 32)).astype(np.float32) ** 2

    def train(devices: int) -> VAE:
        vae = VAE(latent_dim=6, image_size=32, width=8, device="cpu")
        # Batches of 17 and 18: parts of unequal size.
        return vae.fit(images, tmp_path / str(devices), 12, 16, augmentation=False, devices=devices)

    def stop(*_: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    once_kept(tmp_path / "2", lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        with pytest.raises(Terminated):
            train(2)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert len(workers) == 2 and not list((tmp_path / "2").rglob(".*.tmp-*"))
    two, one = train(2), train(1)
    same_history(pd.DataFrame(two.history), pd.DataFrame(one.history))
    for name, value in one.network.state_dict().items():
        torch.testing.assert_close(two.network.state_dict()[name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_a_classifier_of_two_processes_is_that_of_one_also_after_a_kill(
    tmp_path: Path, workers: Workers
) -> None:
    """Batch normalisation, a moving average and an AUROC over the validation films of both."""
    from PIL import Image

    rng = np.random.default_rng(0)
    rows = []
    for number in range(60):
        path = tmp_path / f"{number}.png"
        bright = number % 2
        Image.fromarray(rng.integers(0, 200 + 55 * bright, (32, 32), dtype=np.uint8)).save(path)
        split = ("train", "train", "val", "train", "test")[number % 5]
        rows.append((f"i{number}", str(path), f"p{number}", ["Mass"] if bright else ["No Finding"], split))
    studies = validate_studies(
        pd.DataFrame(rows, columns=["image_id", "path", "patient_id", "findings", "split"])
    )

    def train(out: Path, epochs: int, devices: int = 1) -> dict[str, Any]:
        model = build("small-cnn", labels=["Mass"], image_size=32, width=4, dropout=0.0)
        options = {"augment": "none", "average": 0.8, "patience": 0, "batch_size": 9, "device": "cpu"}
        return train_classifier(model, studies, out, epochs=epochs, devices=devices, **options)

    once_kept(tmp_path / "two", lambda: workers[1].kill())
    with pytest.raises(UserError, match=r"one of 2 training processes was killed \(signal 9\).*same command"):
        train(tmp_path / "two", 300, devices=2)
    last = max((tmp_path / "two" / CHECKPOINTS).glob("epoch-*.ckpt")).stem
    epochs = int(re.sub(r"\D", "", last)) + 2
    two, one = train(tmp_path / "two", epochs), train(tmp_path / "one", epochs)
    same_history(*(pd.read_csv(tmp_path / name / "history.csv") for name in ("two", "one")))
    assert two["test"]["loss"] == pytest.approx(one["test"]["loss"], rel=1e-3)


SAID = """
import json, os, signal, sys, time
rank = int(os.environ["RANK"])
if rank == 0:
    print(json.dumps({"kind": "other", "text": "RuntimeError: connection lost", "trace": ""}), end="")
    sys.exit(1)
time.sleep(0.2)
print(json.dumps(%s), end="")
sys.exit(1)
"""


def blank(devices: int = 2, n: int = 4) -> Training:
    loader = batch_loader(range(n), EpochBatches(range(n), [n], None))  # type: ignore[arg-type]
    return Training(None, loader, None, "cpu", devices=devices)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "raised"),
    [
        ({"kind": "user", "text": "training diverged; lower it"}, UserError("training diverged; lower it")),
        ({"kind": "system", "text": "", "arguments": [28, "No space", "/x"]}, OSError(28, "No space", "/x")),
        ({"kind": "memory", "text": "1 GiB"}, MemoryError("1 GiB")),
        (
            {"kind": "other", "text": "ValueError: b", "trace": "at"},
            RuntimeError("RuntimeError: connection lost"),
        ),
    ],
)
def test_the_failure_that_explains_most_is_raised(
    said: dict[str, Any], raised: Exception, monkeypatch: pytest.MonkeyPatch, workers: Workers
) -> None:
    monkeypatch.setattr(together, "WORKER", SAID % said)
    with pytest.raises(type(raised), match=re.escape(str(raised))):
        together.train_together(blank())
    assert len(workers) == 2


def test_ctrl_c_ends_workers_that_do_not_end_themselves(
    monkeypatch: pytest.MonkeyPatch, workers: Workers
) -> None:
    monkeypatch.setattr(together, "WORKER", "import time; time.sleep(60)")
    monkeypatch.setattr(together, "GRACE", 0.2)

    def interrupt() -> None:
        while len(workers) < 2:
            time.sleep(0.01)
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a worker of pytest passes it over
    threading.Thread(target=interrupt, daemon=True).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            together.train_together(blank())
    finally:
        signal.signal(signal.SIGINT, before)
    assert [worker.returncode for worker in workers] == [-signal.SIGKILL] * 2


def test_fewer_images_than_processes_are_refused(workers: Workers) -> None:
    with pytest.raises(UserError, match="devices 5: each has a part of every batch, and there are 4 images"):
        together.train_together(blank(devices=5))
    assert not workers
