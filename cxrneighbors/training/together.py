"""One training in several processes of this machine, one a GPU, by Lightning's DDP.

Only the fit itself is spread: the workers begin with what the calling process has prepared, the first of them
writes the checkpoints, and the calling process reads from the last one how it ended.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, NoReturn

import torch

from cxrneighbors.artifact import newest_checkpoint
from cxrneighbors.errors import UserError
from cxrneighbors.processes import thread_count
from cxrneighbors.progress import is_quiet
from cxrneighbors.training.batches import EpochBatches
from cxrneighbors.training.trainer import CHECKPOINTS, RESUMED, Training

PERIOD = 0.05  # seconds between two looks at the workers
GRACE = 5.0  # seconds that workers have to end by themselves
SETTLE = 2.0  # seconds that the others have to say why one failed
KINDS = ("user", "system", "memory", "killed", "other")  # of failures, those that explain most first
WORKER = "from cxrneighbors.training.worker import main; main()"


def train_together(training: Training) -> None:
    """Run `training` in `training.devices` processes and leave its module as it ended.

    The workers end with this process, whatever ends it. Raises what a worker raised, and `UserError` where
    one was killed or a batch has fewer items than there are processes.
    """
    _check_batches(training)
    with tempfile.TemporaryDirectory() if training.folder is None else nullcontext(training.folder) as name:
        folder = Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as written:
            torch.save(replace(training, folder=folder), written)
            written.flush()
            _run_workers(written, training)
        last = newest_checkpoint(folder / CHECKPOINTS, keys=RESUMED)
        if last is not None:
            found = torch.load(last, map_location="cpu", weights_only=True)
            training.module.load_state_dict(found["state_dict"])
            training.module.on_load_checkpoint(found)


def _check_batches(training: Training) -> None:
    for loader in (training.train, training.val):
        order = loader.sampler if loader is not None else None
        largest = max(order.sizes, default=0) if isinstance(order, EpochBatches) else training.devices
        if largest < training.devices:
            raise UserError(
                f"devices {training.devices}: each has a part of every batch, and there are {largest} images "
                "to train or to validate on; give fewer"
            )


def _run_workers(written: IO[bytes], training: Training) -> None:
    environment = _environment(training)
    workers: list[subprocess.Popen[bytes]] = []
    try:
        for rank in range(training.devices):
            workers.append(_start(written.fileno(), rank, environment))
        while any(worker.poll() is None for worker in workers):
            if any(worker.poll() for worker in workers):
                _await(workers, SETTLE)  # the others may know better why
                break
            time.sleep(PERIOD)
    finally:
        left = [worker for worker in workers if worker.poll() is None]
        _end(workers)
    failed = [worker for worker in workers if worker.returncode and worker not in left]
    if failed:
        _raise([_report(worker) for worker in failed], training.devices)


def _start(written: int, rank: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Worker number `rank`: its standard input ends when this process does, its output is its last word."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", WORKER, f"/dev/fd/{written}", str(int(is_quiet() or rank > 0))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        pass_fds=(written,),
        start_new_session=True,  # a terminal's Ctrl-C is for this process
    )


def _environment(training: Training) -> dict[str, str]:
    """What tells workers of each other (torch's env://), where their packages are, and their threads."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(training.devices),
        "NODE_RANK": "0",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    if training.device == "cpu":
        environment["OMP_NUM_THREADS"] = str(max(1, thread_count() // training.devices))
    if sys.platform == "linux":
        environment.setdefault("GLOO_SOCKET_IFNAME", "lo")
    return environment


def _await(workers: list[subprocess.Popen[bytes]], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and any(worker.poll() is None for worker in workers):
        time.sleep(PERIOD)


def _end(workers: list[subprocess.Popen[bytes]]) -> None:
    """End the workers that are left: they do so themselves, but for a checkpoint that is being written."""
    for worker in workers:
        assert worker.stdin is not None
        with suppress(OSError):
            worker.stdin.close()
    _await(workers, GRACE)
    for worker in workers:
        if worker.poll() is None:
            worker.kill()
        worker.wait()


def _report(worker: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What a worker said last; how it ended where it could not."""
    assert worker.stdout is not None
    # Whatever it has started may hold the pipe open.
    os.set_blocking(worker.stdout.fileno(), False)
    said = worker.stdout.read() or b""
    return json.loads(said) if said else {"kind": "killed", "text": f"{-worker.returncode}"}


def _raise(reports: list[dict[str, Any]], devices: int) -> NoReturn:
    """Raise the report that explains most: when one worker goes, the others only miss it."""
    report = min(reports, key=lambda each: KINDS.index(each["kind"]))
    text = report["text"]
    match report["kind"]:
        case "user":
            raise UserError(text)
        case "system":
            raise OSError(*report["arguments"])
        case "memory":
            raise MemoryError(text)
        case "killed":
            raise UserError(
                f"one of {devices} training processes was killed (signal {text}), as when memory runs out; "
                "run the same command again, it goes on from there"
            )
    error = RuntimeError(text)
    error.add_note(report["trace"])
    raise error
