"""What a training process tells of its failure, and that it ends with the process that started it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.training.worker import failure


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UserError("film: gone; put it back"), {"kind": "user", "text": "film: gone; put it back"}),
        (MemoryError("1 GiB"), {"kind": "memory", "text": "1 GiB"}),
        (ValueError("shape"), {"kind": "other", "text": "ValueError: shape"}),
        (OSError("a library's own"), {"kind": "other", "text": "OSError: a library's own"}),
        (
            OSError(28, "No space left on device", "/x"),
            {"kind": "system", "text": "[Errno 28] No space left on device: '/x'"}
            | {"arguments": [28, "No space left on device", "/x"]},
        ),
    ],
)
def test_a_failure_travels_as_json(error: Exception, said: dict[str, object]) -> None:
    found = json.loads(json.dumps(failure(error)))
    assert type(error).__name__ in found.pop("trace")
    assert found == said


def test_it_ends_with_its_standard_input_but_not_within_a_checkpoint() -> None:
    code = (
        "import threading, time; from cxrneighbors.training import worker\n"
        "threading.Thread(target=worker._end_with_starter, daemon=True).start()\n"
        "with worker.WRITING:\n"
        "    print('writing', flush=True); time.sleep(0.5); print('written', flush=True)\n"
        "time.sleep(60)"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert worker.stdin is not None and worker.stdout is not None
    assert worker.stdout.readline() == b"writing\n"
    worker.stdin.close()
    assert worker.wait(30) == 1 and worker.stdout.read() == b"written\n"
