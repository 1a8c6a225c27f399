"""A few kills of two jobs, in a process of their own: resumed to identical files; and what the table says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from common.killed_jobs import JOBS, read_by
from common.killing import Ended
from kills import Found, compare, drawn, kept, markdown, note

EVAL = Path(__file__).parents[2] / "eval"
KILLS = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
import numpy as np
import cxrneighbors.data.readers.phantom, cxrneighbors.encoders.encode, cxrneighbors.encoders.pca
import cxrneighbors.encoders.tfidf, cxrneighbors.index.neighbor_index
import hnswlib, pandera.pandas, pyarrow.parquet, torch
import kills
here = Path(sys.argv[1])
kills.make_inputs(here, ["encode", "index"])
rows = [kills.killed_often(job, here, 3, np.random.default_rng(0)) for job in ("encode", "index")]
print(json.dumps([vars(row) for row in rows]))
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts its threads, as Linux tells them")
def test_killed_jobs_end_as_undisturbed_ones(tmp_path: Path) -> None:
    words = [sys.executable, "-c", KILLS, str(tmp_path)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=EVAL, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    for row in json.loads(done.stdout):
        assert row["kills"] == 3 and row["writing"] == 1 and row["writes"] > 20
        assert row["identical"] == row["chains"] >= 1 and not row["leftovers"] and not row["wrong"], row


def test_what_differs_or_is_left_is_named() -> None:
    found = Found("encode", 1.0, 10)
    wanted = {"out": "folder", "out/a": "1", "scratch/stderr": "1"}
    compare(found, wanted, wanted | {"scratch/stderr": "2"})
    assert (found.identical, found.leftovers, found.wrong) == (1, 0, [])
    compare(found, wanted, {"out": "folder", "out/a": "2", "out/.a.tmp-abcdefgh": "1"})
    assert (found.identical, found.leftovers) == (1, 1)
    assert found.wrong == ["left behind: out/.a.tmp-abcdefgh", "differs: out/a"]


def test_kills_are_shared_out_over_time_and_changes_and_counted() -> None:
    whole, rng, found = Ended(0, "", 30, 2.0), np.random.default_rng(0), Found("encode", 2.0, 30)
    for number in range(20):
        moment = drawn(whole, number, rng)
        assert (moment.seconds is None) == bool(number % 2)
        assert 0 <= (moment.seconds or 0) <= 2 and 1 <= (moment.write or 1) <= 30
        ended = Ended(143 if moment.signal == signal.SIGTERM else -9, "", 0, 0.0)
        note(found, ended, moment)
    assert (found.kills, found.writing, found.terminated) == (20, 10, 4)
    assert found.wrong == 4 * ["0 lines about the interruption"]
    note(found, Ended(0, "", 0, 0.0), moment)
    assert found.kills == 20


def test_each_job_has_its_inputs_and_the_table_counts() -> None:
    assert read_by(JOBS["explain"]) == {"index", "films", "studies", "classifier"}
    assert read_by(JOBS["train-report-encoder"]) == {"studies", "language"}
    rows = [
        Found("encode", 1.0, 10, 5, 2, 1, 3, 3),
        Found("index", 1.0, 9, 5, 2, 1, 2, 1, 1, ["differs: a"] * 2),
    ]
    text = markdown(rows)
    assert "10 kills; 4 of 5 resumed runs ended with the files of an undisturbed one, 1 leftovers." in text
    assert text.count("differs: a") == 1


def test_rows_of_jobs_that_are_not_run_again_stay(tmp_path: Path) -> None:
    path, given = tmp_path / "kills.json", SimpleNamespace(seed=0, kills=5, jobs=["index"])
    assert kept(path, given) == []
    rows = [Found(job, 1.0, 10, kills) for job, kills in (("encode", 5), ("index", 5), ("evaluate", 4))]
    path.write_text(json.dumps({"seed": 0, "jobs": [vars(row) for row in rows]}))
    assert kept(path, given) == rows[:1]
    given.seed = 1
    assert kept(path, given) == []
