"""Commands run in forks of this process and killed there, at a moment of time or of writing.

A fork has imported all that its parent has, so that a run takes its work's time alone. The parent must have
one thread: forks of processes with several may hang.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrneighbors.errors import UserError

CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.truncate", "os.link")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
FORK_SAFE = "jemalloc_bg_thd"  # pyarrow's allocator looks after its thread itself
TICK = 0.002  # seconds between two looks at a fork
LONGEST = 300.0  # seconds that a fork may take


@dataclass(frozen=True)
class Moment:
    """When a run is killed, and how: `seconds` after its start, or before its `write`th change of files.

    `signal`: SIGKILL or SIGTERM.
    """

    signal: int
    seconds: float | None = None
    write: int | None = None


@dataclass(frozen=True)
class Ended:
    """How a run ended: exit code (or minus the signal), what it said on stderr, changes of files, seconds."""

    code: int
    said: str
    writes: int
    seconds: float


def run_forked(work: Callable[[], object], scratch: Path, moment: Moment | None = None) -> Ended:
    """Do `work`, as the command line, in a fork. `scratch`: folder for what it says and its TMPDIR, 'tmp'.

    Raises `UserError` where this process has several threads, and for a fork that takes over `LONGEST`.
    """
    if others := set(_threads()) - {FORK_SAFE}:
        raise UserError(f"this process has several threads ({', '.join(others)}); set OMP_NUM_THREADS=1")
    (scratch / "tmp").mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    ours, theirs = os.pipe()
    if (pid := os.fork()) == 0:
        os.close(ours)
        _child(work, scratch, moment, theirs)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        pipe.readline()  # it begins
        started = time.monotonic()
        status = _watched(pid, started, moment)
        seconds, rest = time.monotonic() - started, pipe.read()
    told = json.loads(rest) if rest else {}
    said = (scratch / "stderr").read_text(encoding="utf-8", errors="replace")
    return Ended(os.waitstatus_to_exitcode(status), said, told.get("writes", 0), seconds)


def _threads() -> list[str]:
    """Names of this process's threads but the one that asks."""
    tasks = [path for path in Path("/proc/self/task").iterdir() if path.name != str(os.getpid())]
    return [(path / "comm").read_text(encoding="utf-8").strip() for path in tasks]


def _watched(pid: int, started: float, moment: Moment | None) -> int:
    """The exit status of fork `pid`, which gets its signal when its time has come."""
    due = moment.seconds if moment is not None else None
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status
        passed = time.monotonic() - started
        if due is not None and moment is not None and passed >= due:
            os.kill(pid, moment.signal)
            due = None
        if passed > LONGEST:
            os.kill(pid, signal.SIGKILL)
            raise UserError(f"a fork took over {LONGEST:g} s")
        time.sleep(TICK)


def _child(work: Callable[[], object], scratch: Path, moment: Moment | None, pipe: int) -> None:
    """Never returns, and runs nothing that the parent has put off to its exit."""
    code = 1
    try:
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(scratch / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
        os.environ["TMPDIR"], tempfile.tempdir = str(scratch / "tmp"), None
        tempfile.gettempdir()  # Python tries whether it can write there; a kill just then is no job's
        count = _count_writes(moment)
        os.write(pipe, b"begin\n")
        try:
            work()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(pipe, json.dumps({"writes": count[0]}).encode())
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _count_writes(moment: Moment | None) -> list[int]:
    """Count the changes of files that Python makes from now on; at that of `moment` the signal is sent."""
    count = [0]

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event in CHANGES or (event == "open" and isinstance(given[2], int) and given[2] & WRITES):
            if event == "open" and str(given[0]).startswith("/dev/"):
                return
            count[0] += 1
            if moment is not None and moment.write == count[0]:
                os.kill(os.getpid(), moment.signal)

    sys.addaudithook(hook)
    return count


def wrong_words(ended: Ended, moment: Moment | None) -> str:
    """What a run should not have said, or ended with; '' where all is well."""
    lines = ended.said.splitlines()
    asked = [line for line in lines if line.startswith("error: interrupted; run the same command again, it ")]
    odd = [line for line in lines if line not in asked and any(word in line for word in WRONG)]
    if odd:
        return " / ".join([odd[0], *lines[-3:]]) if odd[0].startswith("Traceback") else odd[0]
    stopped = moment is not None and moment.signal == signal.SIGTERM and ended.code == 143
    if ended.code not in (0, -signal.SIGKILL) and not stopped:
        return f"exit code {ended.code}"
    if ended.code == -signal.SIGKILL and (moment is None or moment.signal != signal.SIGKILL):
        return "killed by another"
    return "" if len(asked) == int(stopped) else f"{len(asked)} lines about the interruption"


WRONG = ("error:", "Traceback", "Error:", "Warning", "warning:", "fault", "cannot be used", "again:")
