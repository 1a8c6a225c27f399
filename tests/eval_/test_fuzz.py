"""The fuzzer's script: what its targets say of inputs, and how its counts are read; atheris is optional."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

import fuzz
from common.fuzz_target import TARGETS, judged, reader
from cxrneighbors.errors import UserError

LOG = """#2\tINITED cov: 100 ft: 120 corp: 3/1kb exec/s: 0 rss: 90Mb
#900\tDONE   cov: 1145 ft: 2638 corp: 133/9kb lim: 99 exec/s: 43 rss: 90Mb
Done 900 runs in 20 second(s)
"""


def test_without_atheris_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="atheris is not installed; pip install atheris"):
        fuzz.main([])


def test_every_target_reads_its_first_inputs(tmp_path: Path) -> None:
    seeds = fuzz.first_inputs(tmp_path, 0)
    assert set(seeds) == set(TARGETS) == set(fuzz.READS)
    for target, inputs in seeds.items():
        (tmp_path / target).mkdir()
        read = reader(target, tmp_path / target)
        for content in inputs:
            read(content)
        if target in ("dicom", "predicate"):  # a report is any text, and a broken XML is skipped
            with pytest.raises(UserError):
                read(b"\x00 ==")


def test_all_but_user_errors_is_noted_once_for_each_place(tmp_path: Path) -> None:
    def read(content: bytes) -> None:
        if content == b"refused":
            raise UserError("no film")
        if content == b"long":
            raise UserError("two\nlines")
        raise KeyError("fault") if content == b"fault" else MemoryError

    one = judged(read, tmp_path / "found")
    for content in (b"refused", b"fault", b"fault", b"long", b"memory"):
        one(content)
    found = fuzz.read_lines(tmp_path / "found")
    assert [each["what"] for each in found] == ["KeyError", "more than one line", "MemoryError"]
    assert bytes.fromhex(found[0]["input"]) == b"fault" and "test_fuzz.py" in found[0]["where"]


@pytest.mark.parametrize("crashes", [False, True])
def test_counts_and_crashes_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crashes: bool) -> None:
    def runs(words: list[str], stdout: object, **options: object) -> SimpleNamespace:
        stdout.write(b"dead" if crashes else LOG.encode())  # type: ignore[attr-defined]
        (tmp_path / "found.jsonl").write_text(
            json.dumps({"what": "KeyError", "where": "a.py:1", "input": ""})
        )
        if crashes:
            (tmp_path / "crash-0a").write_bytes(b"x")
        return SimpleNamespace(returncode=77 if crashes else 0)

    monkeypatch.setattr(subprocess, "run", runs)
    row, found = fuzz.fuzzed("dicom", tmp_path, 20, 0)
    assert [each["what"] for each in found] == ["KeyError", "crash"][: 1 + crashes]
    if not crashes:
        assert (row["executions"], row["seconds"], row["coverage"], row["features"]) == (900, 20, 1145, 2638)
        text = fuzz.markdown([row], found)
        assert "900 executions in 0 minutes; 1 findings." in text and "- dicom: KeyError, a.py:1" in text
