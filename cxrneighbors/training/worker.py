"""One of several training processes: `together` starts it, and it ends when that process does."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from typing import Any

import torch

from cxrneighbors import progress
from cxrneighbors.errors import UserError
from cxrneighbors.seeding import seeded
from cxrneighbors.training.shared_norm import share_norms
from cxrneighbors.training.trainer import WRITING, Training, less_chatter


def main() -> None:
    """Train as the file says that is the first argument, silently where the second is 1.

    The file is one that the starting process has written for this one: it is unpickled. A failure is
    described on standard output, as `failure` does, and the exit code is 1.
    """
    path, quiet = sys.argv[1:]
    report = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing else goes there
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_starter, daemon=True).start()
    progress.quiet(quiet == "1")
    try:
        # Mapped: processes share the images.
        training: Training = torch.load(path, map_location="cpu", mmap=True, weights_only=False)
        if training.device == "cpu":
            share_norms(training.module)
        with less_chatter(), seeded(training.module.settings.seed):
            training.run()
    except BaseException as error:
        os.write(report, json.dumps(failure(error)).encode())
        sys.stderr.flush()
        os._exit(1)  # not waiting for the others, which may wait for this one


def failure(error: BaseException) -> dict[str, Any]:
    """What the starting process raises in place of `error`: its kind, text and trace."""
    said: dict[str, Any] = {"kind": "other", "text": f"{type(error).__name__}: {error}"}
    if isinstance(error, UserError):
        said = {"kind": "user", "text": str(error)}
    elif isinstance(error, MemoryError):
        said = {"kind": "memory", "text": str(error)}
    elif isinstance(error, OSError) and error.errno is not None:
        name = None if error.filename is None else os.fsdecode(error.filename)
        said = {"kind": "system", "text": str(error), "arguments": [error.errno, error.strerror, name]}
    return {**said, "trace": "".join(traceback.format_exception(error))[-20_000:]}


def _end_with_starter() -> None:
    """Wait for the end of standard input and stop at once, but not within a checkpoint."""
    while os.read(0, 1):
        pass
    with WRITING:
        os._exit(1)
