"""The corpus of bad input: three cases a group end as they should, and what does not is found out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import bad_input
from common.trials import Answer, Case, Trial, changed, files_of, judge

EVAL = Path(bad_input.__file__).parent


def test_a_sample_of_every_group(tmp_path: Path) -> None:
    # A process of its own: forks of one that has trained would hang.
    quick = [name for name in bad_input.GROUPS if name != "kill_resume"]
    command = [
        sys.executable,
        EVAL / "bad_input.py",
        "--sample",
        "3",
        "--results",
        tmp_path,
        "--work",
        tmp_path,
    ]
    command += ["--groups", *quick]
    done = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((tmp_path / "bad_input.json").read_text())
    assert [row["cases"] for row in found["groups"]] == [3] * len(quick)
    bad = [case for row in found["groups"] for case in row["bad"] if not case["fault"].endswith(" s")]
    assert not bad  # how long a case may take is measured where nothing else runs


def test_there_are_enough_of_them_under_names_of_their_own() -> None:
    cases = {name: bad_input.cases_of(name) for name in bad_input.GROUPS}
    assert sum(map(len, cases.values())) >= 600 and min(map(len, cases.values())) >= 8
    for name, found in cases.items():
        titles = [case.title for case in found]
        assert len(titles) == len(set(titles)), (name, [each for each in titles if titles.count(each) > 1])


GOOD = Answer(2, "", "error: a.png: no such file; check the path\n", 0.1, 1.0)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (GOOD, ""),
        (GOOD._replace(code=0), "exit code 0"),
        (GOOD._replace(code=-11), "crash: SIGSEGV"),
        (GOOD._replace(code=-9), "hang"),
        (GOOD._replace(err="error: a.png\nmore\n"), "2 lines on standard error, 0 on standard output"),
        (GOOD._replace(out="done\n"), "1 lines on standard error, 1 on standard output"),
        (GOOD._replace(err="error: b.png; check the path\n"), "does not say 'a.png'"),
        (GOOD._replace(err="error: a.png\n"), "no remedy"),
        (GOOD._replace(err="error: a.png; x (a fault of the program)\n"), "traceback"),
        (GOOD._replace(seconds=6.0), "6.0 s"),
        (GOOD._replace(megabytes=1500.0), "1500 MB"),
    ],
)
def test_an_answer_is_judged(answer: Answer, fault: str, tmp_path: Path) -> None:
    assert judge(Case("search idx", "a.png"), answer, {}, tmp_path) == fault


def test_what_was_written_is_seen(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("old")
    before = files_of(tmp_path)
    assert changed(before, files_of(tmp_path)) == ""
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "part").write_text("x")
    assert changed(before, files_of(tmp_path)) == "new: left behind"
    assert changed(before, files_of(tmp_path), keeps="new") == ""
    (tmp_path / "new" / ".part.tmp").write_text("x")
    assert changed(before, files_of(tmp_path), keeps="new") == "new/.part.tmp: left behind"
    (tmp_path / "old.txt").write_text("changed")
    assert changed(before, files_of(tmp_path), keeps="new") == "new/.part.tmp: left behind"
    (tmp_path / "old.txt").unlink()
    (tmp_path / "new" / ".part.tmp").unlink()
    assert changed(before, files_of(tmp_path), keeps="new") == "old.txt: gone"


def test_the_table_adds_up() -> None:
    found = [
        Trial("a", "refused", "", "error: a", 0.2, 3.0),
        Trial("b", "listed", "", "", 7.5, 9.0),
        Trial("c", "refused", "does not say 'c'", "", 1.5, 1.0),
    ]
    rows = [bad_input.counted("searches", found[:1]), bad_input.counted("images", found)]
    summary = bad_input.summarised(rows)
    assert [case["title"] for case in summary["groups"][0]["bad"]] == ["c"]
    text = bad_input.markdown(summary)
    assert text.startswith("4 of ") and "cases were run; 1 not answered" in text
    assert "| images and DICOM | 3 | 1 | 1 | 0 | 1 | 1.5 |" in text
    assert "| search | 1 | 1 | 0 | 0 | 0 | 0.2 |" in text and "| all | 4 | 2 | 1 | 0 | 1 | 1.5 |" in text
