"""Bad input on the command line: cases as data, each run in a fork of this process, and how each has ended.

A fork has everything loaded, may crash, hang or take too much memory, and leaves nothing behind but files.
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
import select
import shlex
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from common.broken_files import MEMORY, SECONDS, WAIT

Change = Callable[[Path], "Callable[[], None] | None"]
Look = Callable[[Path, str], None]
Files = dict[str, tuple[int, int, int]]

REMEDY = (
    r"; \S|must|choose|give |take |write |leave|make |Missing|Invalid value|requires|already|No such option"
    r"|See 'cxrneigh"
)
WHOLE = 60.0  # seconds of computing for what is done but for the bad thing
CODES = {"refused": {2}, "listed": {0}, "interrupted": {130, 143}}


@dataclass(frozen=True)
class Case:
    """One call of the command line in a folder where everything is in order but what `does` changes.

    `line`: its words, quoted as for a shell. `says`: a regular expression that the one line on standard error
    has to hold; of `ends='listed'`, that anything said or a skipped.csv has to hold. `ends`: 'refused' (exit
    code 2, one line, nothing written), 'listed' (exit code 0; `look` at what was written raises where it is
    wrong) or 'interrupted' (after signal `stop`, sent when `stop_after` seconds have passed; then the same
    line has to end well). `room`: bytes that a file may have. `plain_user`: without root's rights.
    `keeps`: where unfinished work may lie that the same command goes on with.
    """

    line: str
    says: str = ""
    does: Change | None = None
    ends: str = "refused"
    name: str = ""
    look: Look | None = None
    room: int | None = None
    plain_user: bool = False
    keeps: str = ""
    stop: int = 0
    stop_after: float = 0.0

    @property
    def title(self) -> str:
        return self.name or self.line


@dataclass(frozen=True)
class Trial:
    """How a case ended: `fault` is empty where it ended as it should; `said`: the last line that was said."""

    title: str
    ends: str
    fault: str
    said: str
    seconds: float
    megabytes: float


class Answer(NamedTuple):
    """What a call came back with; `code` below zero: ended by that signal. `megabytes`: with libraries."""

    code: int
    out: str
    err: str
    seconds: float
    megabytes: float


def try_cases(cases: list[Case], whole: Path, here: Path) -> Iterator[Trial]:
    """Run `cases` one by one in `here`, which is a copy of folder `whole` before each."""
    order: Files = {}
    for case in cases:
        if not here.exists() or files_of(here) != order:
            shutil.rmtree(here, ignore_errors=True)
            shutil.copytree(whole, here, symlinks=True)
            here.chmod(0o777)
            order = files_of(here)
        yield _try(case, here)


def _try(case: Case, here: Path) -> Trial:
    try:
        undo = case.does(here) if case.does else None
    except Exception as error:
        return Trial(case.title, case.ends, f"not made: {type(error).__name__}: {error}"[:200], "", 0.0, 0.0)
    try:
        before = files_of(here)
        answer = ask(case, here)
        fault = judge(case, answer, before, here)
    finally:
        if undo:
            undo()
    lines = (answer.err.strip() or answer.out.strip()).splitlines()
    said = (lines[-1] if lines else "").replace(str(here.resolve()), "HERE").replace(str(here), "HERE")
    return Trial(case.title, case.ends, fault, said[:300], answer.seconds, answer.megabytes)


def judge(case: Case, answer: Answer, before: Files, here: Path) -> str:
    """What is wrong with the answer to a case, or nothing."""
    if answer.code < 0:
        return "hang" if answer.code == -signal.SIGKILL else f"crash: {signal.Signals(-answer.code).name}"
    if case.ends == "interrupted" and answer.code == 0:
        return ""  # it was done before the signal came
    if answer.code not in CODES[case.ends]:
        return f"exit code {answer.code}"
    if "Traceback" in answer.err or "fault of the program" in answer.err:
        return "traceback"
    if answer.seconds > (SECONDS if case.ends == "refused" else WHOLE):
        return f"{answer.seconds:.1f} s"
    if answer.megabytes > MEMORY >> 20:
        return f"{answer.megabytes:.0f} MB"
    if case.ends == "listed":
        return _listed(case, answer, here)
    lines = answer.err.strip().splitlines()
    if len(lines) != 1 or not lines[0].startswith("error: ") or answer.out:
        return f"{len(lines)} lines on standard error, {len(answer.out.splitlines())} on standard output"
    if not re.search(case.says, lines[0], re.IGNORECASE):
        return f"does not say {case.says!r}"
    if case.ends == "interrupted":
        again = ask(Case(case.line), here)
        return "" if again.code == 0 else f"run again: exit code {again.code}"
    if not re.search(REMEDY, lines[0]):
        return "no remedy"
    return changed(before, files_of(here), case.keeps)


def _listed(case: Case, answer: Answer, here: Path) -> str:
    lists = [path.read_text(errors="replace") for path in sorted(here.rglob("skipped.csv"))]
    if not re.search(case.says, "\n".join([answer.out, answer.err, *lists]), re.IGNORECASE):
        return f"{case.says!r} is not listed"
    try:
        if case.look:
            case.look(here, answer.out)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    return ""


def changed(before: Files, after: Files, keeps: str = "") -> str:
    """The first file that is not what it was, or nothing; what is new below `keeps` does not count."""
    for path in sorted(before.keys() | after.keys()):
        if keeps and path not in before and path.startswith(keeps) and "/." not in path:
            continue
        if path not in after:
            return f"{path}: gone"
        if path not in before:
            return f"{path}: left behind"
        if before[path] != after[path]:
            return f"{path}: changed"
    return ""


def files_of(folder: Path) -> Files:
    """(bytes, time of change, inode) of everything below a folder; of a folder that it is one."""
    found: Files = {}
    for path in folder.rglob("*"):
        state = path.lstat()
        kept = (0, 0, state.st_ino) if path.is_dir() else (state.st_size, state.st_mtime_ns, state.st_ino)
        found[path.relative_to(folder).as_posix()] = kept
    return found


def ask(case: Case, here: Path) -> Answer:
    """Run the case's line in a fork, within the limits; a hang is ended."""
    sys.stdout.flush()
    sys.stderr.flush()
    pipes = [os.pipe() for _ in range(2)]
    child = os.fork()
    if child == 0:
        _answer(case, here, *(write for _, write in pipes))
    for _, write in pipes:
        os.close(write)
    said = {read: b"" for read, _ in pipes}
    for read in said:
        os.set_blocking(read, False)
    status, usage = _wait(child, case, said)
    out, err = (text.decode(errors="replace") for text in said.values())
    code = os.waitstatus_to_exitcode(status)
    seconds = usage.ru_utime + usage.ru_stime
    return Answer(code, out, err, seconds, usage.ru_maxrss / 1024)


def _wait(child: int, case: Case, said: dict[int, bytes]) -> tuple[int, resource.struct_rusage]:
    """Wait for the fork; what it says comes through pipes, as files may be full."""
    started, stopped = time.monotonic(), not case.stop
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        _read(said)
        if pid:
            _end(child)  # what it has left running
            for pipe in said:
                os.close(pipe)
            return status, usage
        passed = time.monotonic() - started
        if not stopped and passed > case.stop_after:
            os.kill(child, case.stop)
            stopped = True
        if passed > WAIT:
            _end(child)


def _read(said: dict[int, bytes]) -> None:
    """Take what the pipes hold by now; a short wait where they hold nothing."""
    select.select(list(said), [], [], 0.01)
    time.sleep(0.002)  # a pipe that is closed is always ready
    for pipe in said:
        with suppress(BlockingIOError):
            while block := os.read(pipe, 2**16):
                said[pipe] += block


def _end(child: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)


def _answer(case: Case, here: Path, out: int, err: int) -> None:
    """In the fork: never returns."""
    code = 70
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
        os.chdir(here)
        (here / "tmp").mkdir(exist_ok=True)
        os.environ["TMPDIR"] = str(here / "tmp")
        tempfile.tempdir = None
        _limit(case)
        code = _run(case)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(case: Case) -> int:
    from cxrneighbors.cli.main import run

    words = shlex.split(case.line)
    try:
        run(words if case.ends == "listed" else ["-q", *words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def _limit(case: Case) -> None:
    if case.plain_user:
        _drop_rights()
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + 2 * MEMORY  # twice: room that is asked for need not be taken
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if case.room is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (case.room, case.room))


def _drop_rights() -> None:
    """Let root, too, be refused what a file's mode forbids (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)."""
    libc = ctypes.CDLL(None, use_errno=True)
    head, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(head, sets) or libc.capset(head, (ctypes.c_uint32 * 6)(sets[0] & ~0b110, *sets[1:])):
        raise OSError(ctypes.get_errno(), "capset")
