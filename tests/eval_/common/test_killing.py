"""Forks that are killed at a moment, in a process of one thread: what is seen of them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from common.killing import Ended, Moment, wrong_words

EVAL = Path(__file__).parents[3] / "eval"
FORKS = """
import json, sys, time
from pathlib import Path
from common.killing import Moment, run_forked
place = Path(sys.argv[1])
def work():
    for name in "abc":
        (place / name).write_text(name)
    print("said", file=sys.stderr)
    time.sleep(0.2)
    sys.exit(3)
moments = [None, Moment(9, write=2), Moment(9, seconds=0.1), Moment(15, write=99)]
rows = []
for moment in moments:
    for path in place.glob("?"):
        path.unlink()
    ended = run_forked(work, place / "scratch", moment)
    rows.append([ended.code, ended.said, ended.writes, sorted(path.name for path in place.glob("?"))])
print(json.dumps(rows))
"""


def test_forks_end_at_their_moment(tmp_path: Path) -> None:
    words = [sys.executable, "-c", FORKS, str(tmp_path)]
    done = subprocess.run(words, cwd=EVAL, capture_output=True, text=True, check=True)
    whole, at_a_write, by_time, never = json.loads(done.stdout)
    assert whole == [3, "said\n", 3, ["a", "b", "c"]] == never
    assert at_a_write == [-9, "", 0, ["a"]]
    assert by_time == [-9, "said\n", 0, ["a", "b", "c"]]


TERM = Moment(signal.SIGTERM, seconds=1.0)
LINE = "error: interrupted; run the same command again, it goes on from there\n"


@pytest.mark.parametrize(
    ("code", "said", "moment", "wrong"),
    [
        (0, "3 films\n", None, ""),
        (0, "error: no film\n", None, "error: no film"),
        (0, "a.ckpt: checkpoint cannot be used\n", None, "a.ckpt: checkpoint cannot be used"),
        (2, "", None, "exit code 2"),
        (-9, "3 films\n", Moment(signal.SIGKILL, write=1), ""),
        (-9, "", TERM, "killed by another"),
        (143, LINE, TERM, ""),
        (143, "", TERM, "0 lines about the interruption"),
        (143, LINE + LINE, TERM, "2 lines about the interruption"),
        (-15, "", TERM, "exit code -15"),
        (0, LINE, TERM, "1 lines about the interruption"),
    ],
)
def test_what_may_be_said(code: int, said: str, moment: Moment | None, wrong: str) -> None:
    assert wrong_words(Ended(code, said, 0, 0.0), moment) == wrong
