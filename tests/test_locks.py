"""Two processes and one folder: the second is told, and a killed one leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cxrneighbors.artifact import Kind
from cxrneighbors.errors import UserError
from cxrneighbors.locks import hold, release

pytest.importorskip("fcntl")
HOLD = """
import sys
from pathlib import Path
from cxrneighbors.artifact import Kind
Kind("tests", 1, "pytest").begin(sys.argv[1], {"seed": 0})
print("begun", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path):
    """A process that has begun the folder 'job' and waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "job")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdout.readline() == b"begun\n"
    yield process
    process.kill()
    process.wait()


def test_the_second_run_is_told_and_goes_on_once_the_first_is_killed(
    tmp_path: Path, other: subprocess.Popen[bytes]
) -> None:
    kind = Kind("tests", 1, "pytest")
    with pytest.raises(UserError, match="job: another run is writing here; wait for it, or give another"):
        kind.begin(tmp_path / "job", {"seed": 0})
    other.kill()
    other.wait()
    work = kind.begin(tmp_path / "job", {"seed": 0})
    assert work.resumed and not work.complete
    work.finish()
    assert kind.read(tmp_path / "job")["complete"] and [p.name for p in (tmp_path / "job").iterdir()] == [
        "manifest.json"
    ]


def test_one_process_may_begin_again(tmp_path: Path) -> None:
    kind = Kind("tests", 1, "pytest")
    kind.begin(tmp_path / "job", {"seed": 0})
    assert kind.begin(tmp_path / "job", {"seed": 0}).resumed
    release(tmp_path / "job")
    hold(tmp_path / "job")
    release(tmp_path / "job")
    release(tmp_path / "job")
