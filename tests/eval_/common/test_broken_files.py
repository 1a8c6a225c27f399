"""The judge of damaged files sees what it is there for: crash, hang, memory, fault, refusal."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from common import broken_files
from common.broken_files import _read, judge
from cxrneighbors.errors import UserError


def outcome(reader) -> str:
    return _read(reader, Path("x"))[0]


def raising(error):
    def read(path):
        raise error

    return read


def test_what_is_said_of_each_end() -> None:
    assert outcome(lambda path: None) == "read"
    assert outcome(raising(UserError("x: broken; get it again"))) == "refused"
    assert outcome(raising(UserError("x\ny"))) == "fault"
    assert outcome(raising(KeyError("x"))) == "fault"
    assert outcome(raising(MemoryError())) == "memory"


class Pipe:
    def __init__(self) -> None:
        self.sent = []

    def send(self, each) -> None:
        self.sent.append(each)

    def close(self) -> None:
        pass


def test_memory_is_limited_and_time_measured(monkeypatch: pytest.MonkeyPatch, memory_cap) -> None:
    monkeypatch.setattr(broken_files.resource, "setrlimit", lambda *_: None)
    monkeypatch.setattr(broken_files, "SECONDS", 0.01)

    def busy(path):
        until = time.process_time() + (0.05 if path.name == "slow" else 0)
        while time.process_time() < until:
            pass
        return np.ones(2**40) if path.name == "large" else None

    monkeypatch.setitem(broken_files.READERS, "busy", busy)
    pipe = Pipe()
    broken_files._work("busy", ["a/quick", "a/slow", "a/large"], pipe)
    assert [each[1] for each in pipe.sent] == ["read", "slow", "memory"]


def test_a_crash_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child is this process forked: a spawned one would not know the reader."""
    import multiprocessing

    def read(path: Path) -> None:
        if path.name == "2.txt":
            os._exit(9)
        if path.name == "3.txt":
            time.sleep(60)

    monkeypatch.setitem(broken_files.READERS, "x", read)
    monkeypatch.setattr(broken_files, "WAIT", 3.0)
    fork = multiprocessing.get_context("fork")
    monkeypatch.setattr(broken_files.multiprocessing, "get_context", lambda _: fork)
    found = list(judge("x", [tmp_path / f"{n}.txt" for n in range(5)]))
    assert [each.outcome for each in found] == ["read", "read", "crash", "hang", "read"]
    assert [Path(each.path).name for each in found] == [f"{n}.txt" for n in range(5)]
