"""Bad input on the command line: is each answered in one line, with nothing written?

    python eval/bad_input.py [--groups searches images ...] [--sample N]

Every case is a call in a folder where all is in order but one thing (`bad_inputs`, a group a file): an option
with a value that cannot be right, a damaged file, a hostile name, a full disk. It is right when it ends with
exit code 2 and one line that names the thing and a remedy, or with 0 and the bad thing listed with its
reason; without a traceback or anything half-written or changed, in 1 GB (libraries included), and
refused within 5 s of computing. Writes eval/results/bad_input.json and .md, and all answers to WORK.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bad_inputs.place import make_place
from common.broken_files import MEMORY, SECONDS
from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from common.trials import Case, Trial, try_cases
from cxrneighbors.files import read_json, write_json_atomic
from cxrneighbors.progress import say

GROUPS = {
    "csv_folder": "CSV and folder imports",
    "xml_tar": "XML and tar",
    "mimic": "MIMIC trees",
    "images": "images and DICOM",
    "predicates": "predicates",
    "searches": "search",
    "encode_index": "encode and index",
    "evaluations": "evaluate, reproduce, verify",
    "tampered": "tampered indexes",
    "weights": "weights, pickles, checkpoints",
    "trainings": "training settings",
    "explanations": "explanations",
    "labelling": "labelling",
    "views_assembly": "views, assembly, audit",
    "hostile_names": "HTML, formulas, mathtext in names",
    "kill_resume": "kill and resume",
    "two_processes": "two processes on one folder",
    "outputs": "full, read-only and wrong outputs",
    "overwriting": "overwriting",
    "options": "every option, values that cannot be right",
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "--work", "--results")
    parser.add_argument(
        "--groups",
        nargs="+",
        choices=GROUPS,
        default=list(GROUPS),
        help="some alone; the rows of others stay",
    )
    parser.add_argument("--sample", type=int, help="so many cases of each group, evenly spaced")
    parser.add_argument(
        "--place", type=Path, help="folder to keep what all cases begin with, for another run"
    )
    given = parser.parse_args(arguments)
    load_everything()
    gc.freeze()  # so that forks share what is loaded
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(given.place or temporary).resolve()
        root.mkdir(parents=True, exist_ok=True)
        root.chmod(0o755)
        whole, here = root / "whole", root / "here"
        if not whole.exists():
            in_a_fork(lambda: make_place(here))
            shutil.copytree(here, whole)
        kept = earlier(given.results) if set(given.groups) < set(GROUPS) else []
        for name in given.groups:
            trials = list(told(name, sample(cases_of(name), given.sample), whole, here))
            kept = [*(row for row in kept if row["group"] != name), counted(name, trials)]
            summary = summarised(kept)
            write_results(given.results, "bad_input", summary, markdown(summary))
            write_json_atomic(given.work / f"bad_input-{name}.json", [vars(each) for each in trials])


def earlier(results: Path) -> list[dict[str, Any]]:
    """The rows that an earlier run has written: those of groups that are not run again stay."""
    path = results / "bad_input.json"
    rows = read_json(path, remedy="delete it")["groups"] if path.is_file() else []
    return [{name: row[name] for name in ("group", "what", *COUNTS, "bad", "longest")} for row in rows]


def cases_of(group: str) -> list[Case]:
    return list(importlib.import_module(f"bad_inputs.{group}").cases())


def sample(cases: list[Case], n: int | None) -> list[Case]:
    return cases if n is None or n >= len(cases) else [cases[i * len(cases) // n] for i in range(n)]


def told(name: str, cases: list[Case], whole: Path, here: Path) -> Any:
    for number, trial in enumerate(try_cases(cases, whole, here), start=1):
        if trial.fault:
            say(f"{name}: {trial.title}: {trial.fault}: {trial.said}")
        if number % 50 == 0 or number == len(cases):
            say(f"{name}: {number} of {len(cases)}")
        yield trial


def load_everything() -> None:
    """What the verbs import, so that the forks need not; one thread, as others would be gone in a fork."""
    import torch

    import cxrneighbors

    torch.set_num_threads(1)

    for module in pkgutil.walk_packages(cxrneighbors.__path__, "cxrneighbors."):
        if "__main__" not in module.name:
            importlib.import_module(module.name)
    for name in ("monai.networks.nets", "sentence_transformers", "lightning", "matplotlib.pyplot"):
        importlib.import_module(name)


def in_a_fork(work: Any) -> None:
    """Run `work` in a process of its own: what it trains must not have run in the one that is forked."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            work()
            code = 0
        finally:
            os._exit(code)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise RuntimeError("the folder that all cases begin with could not be made")


def counted(name: str, trials: Sequence[Trial]) -> dict[str, Any]:
    """The row of one group; `bad`: its cases that did not end as they should."""
    row: dict[str, Any] = {"group": name, "what": GROUPS[name], "cases": len(trials)}
    for ends in ("refused", "listed", "interrupted"):
        row[ends] = sum(each.ends == ends and not each.fault for each in trials)
    row["bad"] = [vars(each) for each in trials if each.fault]
    row["faults"] = len(row["bad"])
    row["longest"] = max((each.seconds for each in trials if each.ends == "refused"), default=0.0)
    return row


def summarised(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    limits = {"seconds": SECONDS, "megabytes": MEMORY >> 20}
    return {"limits": limits, "groups": sorted(rows, key=lambda row: list(GROUPS).index(row["group"]))}


def markdown(summary: dict[str, Any]) -> str:
    rows = summary["groups"]
    total, faults = (sum(row[name] for row in rows) for name in ("cases", "faults"))
    all_of_them = {name: sum(row[name] for row in rows) for name in COUNTS} | {"what": "all"}
    all_of_them["longest"] = max(row["longest"] for row in rows)
    corpus = sum(len(cases_of(name)) for name in GROUPS)
    said = f"{total:,} of {corpus:,} cases were run; {faults} not answered as they should be."
    columns = {"group": "{what}", "cases:": "{cases}", "one line, exit code 2:": "{refused}"}
    columns |= {"listed, the rest done:": "{listed}", "interrupted, goes on:": "{interrupted}"}
    columns |= {"faults:": "{faults}", "longest refusal, s:": "{longest:.1f}"}
    return document(said, table(columns, [*rows, all_of_them]))


COUNTS = ("cases", "refused", "listed", "interrupted", "faults")

if __name__ == "__main__":
    run(main)
