"""Killed jobs: do they go on, end with the same bytes, and leave nothing behind?

    OMP_NUM_THREADS=1 python eval/kills.py [--kills 50] [--jobs encode train-vae]

Each job is run once undisturbed on phantoms, then killed, resumed by the same command, killed again, until a
run reaches its end: half of the kills at a random moment, half at a change of a file (before a file is opened
for writing, renamed, removed; a folder is made or removed), drawn evenly over all that the undisturbed run
made. Four of five are SIGKILL, one is SIGTERM, which has to end with exit code 143 and one line. What lies
there in the end is compared with the undisturbed run's: bytes of files, and of files that hold times all but
these (`common.same_folder`). Whatever else is there, beside it or in the temporary folder, is a leftover.
A job runs in a fork of a process that has imported everything. Writes eval/results/kills.json and .md; rows
of jobs that are not asked for stay as they are there.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from common.killed_jobs import JOBS, command, import_everything, make_inputs
from common.killing import Ended, Moment, run_forked, wrong_words
from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from common.same_folder import fingerprint
from cxrneighbors.errors import UserError
from cxrneighbors.leftovers import FRESH
from cxrneighbors.progress import say

CHAIN = 4  # kills at most before a run is left to end
TERM_EVERY = 5  # of so many kills one is a SIGTERM


@dataclass
class Found:
    """What was seen of one job; `wrong`: a line each of what should not be."""

    job: str
    seconds: float
    writes: int
    kills: int = 0
    writing: int = 0
    terminated: int = 0
    chains: int = 0
    identical: int = 0
    leftovers: int = 0
    wrong: list[str] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "--seed", "--results")
    parser.add_argument("--kills", type=int, default=50, help="of each job")
    parser.add_argument("--jobs", nargs="+", default=list(JOBS), choices=list(JOBS))
    given = parser.parse_args(arguments)
    if os.environ.get("OMP_NUM_THREADS") != "1":
        raise UserError("OMP_NUM_THREADS: must be 1, because processes are forked here; set it")
    os.environ["HF_HUB_OFFLINE"] = "1"
    import_everything()
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        make_inputs(here, given.jobs)
        rows = []
        for job in given.jobs:
            rng = np.random.default_rng([given.seed, list(JOBS).index(job)])
            rows.append(killed_often(job, here, given.kills, rng))
            say(f"{job}: {rows[-1]}")
    rows += kept(given.results / "kills.json", given)
    rows.sort(key=lambda row: list(JOBS).index(row.job))
    summary = {"seed": given.seed, "jobs": [vars(row) for row in rows]}
    write_results(given.results, "kills", summary, markdown(rows))


def kept(path: Path, given: Any) -> list[Found]:
    """Rows of jobs that were not run now, as an earlier run with the same seed and kills found them."""
    earlier = json.loads(path.read_text()) if path.exists() else {"jobs": []}
    same = [Found(**row) for row in earlier["jobs"] if earlier["seed"] == given.seed]
    return [row for row in same if row.job not in given.jobs and row.kills == given.kills]


def killed_often(job: str, here: Path, kills: int, rng: np.random.Generator) -> Found:
    """`kills` kills of one job in chains of 1 to `CHAIN`, each resumed to its end and compared."""
    work, place = command(JOBS[job], here), here / "job"
    whole, wanted = undisturbed(work, place)
    found = Found(job, round(whole.seconds, 2), whole.writes)
    while found.kills < kills:
        emptied(place)
        left = min(int(rng.integers(1, CHAIN + 1)), kills - found.kills)
        for _ in range(left):
            moment = drawn(whole, found.kills, rng)
            ended = run_forked(work, place / "scratch", moment)
            note(found, ended, moment)
            if ended.code == 0:
                break  # before its moment came
            made_old(place)
        ended = run_forked(work, place / "scratch")
        if said := wrong_words(ended, None):
            found.wrong.append(said)
        found.chains += 1
        compare(found, wanted, fingerprint(place))
    return found


def undisturbed(work: Callable[[], None], place: Path) -> tuple[Ended, dict[str, str]]:
    ended = run_forked(work, emptied(place) / "scratch")
    if ended.code:
        raise UserError(f"{place.name}: fails undisturbed: {ended.said[-300:]}")
    return ended, fingerprint(place)


def drawn(whole: Ended, number: int, rng: np.random.Generator) -> Moment:
    """Kill `number`: in turn by time and by writing, one of `TERM_EVERY` a SIGTERM."""
    how = signal.SIGTERM if number % TERM_EVERY == TERM_EVERY - 1 else signal.SIGKILL
    if number % 2:
        return Moment(how, write=int(rng.integers(1, whole.writes + 1)))
    return Moment(how, seconds=float(rng.uniform(0, whole.seconds)))


def note(found: Found, ended: Ended, moment: Moment) -> None:
    """Count a kill, and what was wrong with it; a run that ended before its moment is none."""
    if said := wrong_words(ended, moment):
        found.wrong.append(said)
    if ended.code != 0:
        found.kills += 1
        found.writing += moment.write is not None
        found.terminated += moment.signal == signal.SIGTERM


def compare(found: Found, wanted: dict[str, str], there: dict[str, str]) -> None:
    """Count a chain's end: `there` as `wanted`, which hold all below the job's place but what was said."""
    more = [name for name in there if name not in wanted]
    other = [
        name for name in wanted if there.get(name) != wanted[name] and not name.startswith("scratch/std")
    ]
    found.leftovers += len(more)
    found.identical += not more and not other
    found.wrong += [f"left behind: {name}" for name in more] + [f"differs: {name}" for name in other]


def made_old(folder: Path) -> None:
    """As if all below `folder` were older by the imports that a run outside of a fork begins with."""
    then = time.time() - 2 * FRESH
    for path in folder.rglob("*"):
        os.utime(path, (then, then))


def emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def markdown(rows: list[Found]) -> str:
    kills, ends = sum(row.kills for row in rows), sum(row.chains for row in rows)
    same, left = sum(row.identical for row in rows), sum(row.leftovers for row in rows)
    said = (
        f"{kills} kills; {same} of {ends} resumed runs ended with the files of an undisturbed one, "
        f"{left} leftovers."
    )
    columns = {
        "job": "`{job}`",
        "undisturbed, s:": "{seconds:.1f}",
        "changes of files:": "{writes}",
        "kills:": "{kills}",
        "of these at a change:": "{writing}",
        "by SIGTERM:": "{terminated}",
        "resumed to the end:": "{chains}",
        "identical:": "{identical}",
        "leftovers:": "{leftovers}",
    }
    parts: list[Any] = [said, table(columns, [vars(row) for row in rows])]
    wrong = [f"- `{row.job}`: {line}" for row in rows for line in dict.fromkeys(row.wrong)]
    return document(*parts, *(["\n".join(wrong)] if wrong else []))


if __name__ == "__main__":
    run(main)
