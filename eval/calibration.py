"""Do the intervals cover and the tests keep their level? Simulation of everything that stands under a table.

    python eval/calibration.py DATA [--data-sets 2000] [--jobs 2] [--only NAME ...]

DATA: a folder with chestxray14-128, chestxray14-10k and covid-chestxray (their film counts, films, findings
are used). For each design of `calibration_designs.py`, without effect and with lifts of +3 and +12 points at
K = 5: coverage of the 95 % intervals of lifts, matched lifts and paired differences at K = 1, 5 and 10, and
how often the permutation tests reject at 5 %. An interval covers when it holds the mean over all data sets of
its kind. Writes eval/results/calibration.json, calibration.md and calibration.png. Interrupted, it goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from scipy import stats

from calibration_measures import KS, measure
from calibration_report import draw_figure, markdown
from calibration_strengths import Cell, tuned
from common.options import options, run
from common.results import write_results
from cxrneighbors.files import atomic_path
from cxrneighbors.progress import say

CHUNK = 50  # data sets a job; each chunk's seeds are its own, so chunks may be done in any order


def main(arguments: Sequence[str] | None = None) -> None:
    work = Path("build/eval/calibration")
    parser = options(
        __doc__, "data", "--data-sets", "--jobs", "--work", "--results", data_sets=2000, work=work
    )
    parser.add_argument("--only", nargs="+", default=[], help="names of designs")
    given = parser.parse_args(arguments)
    say("reading films, finding the strengths of planted effects")
    plan = [
        cell for cell in tuned(given.data, given.work) if cell.design.name in given.only or not given.only
    ]
    n_chunks = -(-given.data_sets // CHUNK)
    every = [(cell, chunk) for chunk in range(n_chunks) for cell in plan]
    jobs = [(cell, chunk) for cell, chunk in every if not chunk_file(given.work, cell, chunk).is_file()]
    say(f"{len(plan)} kinds of data sets, {len(jobs)} of {len(every)} chunks to do")
    Parallel(n_jobs=given.jobs, verbose=5)(delayed(run_chunk)(given.work, *job) for job in jobs)
    rows = [cell_row(given.work, cell, n_chunks) for cell in plan]
    summary = {"data_sets": n_chunks * CHUNK, "k": list(KS), "rows": rows}
    figures = {"calibration": draw_figure(summary)}
    write_results(given.results, "calibration", summary, markdown(summary), figures)


def chunk_file(work: Path, cell: Cell, chunk: int) -> Path:
    return work / f"{cell.design.name}-{cell.planted:g}-{chunk:03d}.npz"


def run_chunk(work: Path, cell: Cell, chunk: int) -> None:
    found = []
    for number in range(CHUNK):
        rng = np.random.default_rng([chunk, number])
        plain, viewed = (
            cell.design.draw(rng, matched).with_effect(cell.strength) for matched in (False, True)
        )
        found.append(measure(plain, viewed, rng))
    stacked: dict[str, Any] = {name: np.stack([each[name] for each in found]) for name in found[0]}
    with atomic_path(chunk_file(work, cell, chunk)) as temporary:
        np.savez(temporary, **stacked)


def cell_row(work: Path, cell: Cell, n_chunks: int) -> dict[str, Any]:
    """Coverage, rejections and widths of one kind of data sets."""
    parts = [np.load(chunk_file(work, cell, chunk)) for chunk in range(n_chunks)]
    data = {name: np.concatenate([part[name] for part in parts]) for name in parts[0].files}
    at = {str(k): figures_at({name: values[:, i] for name, values in data.items()}) for i, k in enumerate(KS)}
    return {"design": cell.design.name, "title": cell.design.title, "planted": cell.planted, "k": at}


def figures_at(data: dict[str, np.ndarray]) -> dict[str, Any]:
    """What all data sets say at one K; `data`: what `measure` returns of each, (data sets, columns)."""
    at: dict[str, Any] = {name: estimates(*data[name].T) for name in ("lift", "matched", "difference")}
    lift, error, dof = data["lift"].T
    for name, half in zip(("bootstrap of targets", "dyadic, large sample"), data["others"].T, strict=True):
        at["lift"][name] = float((np.abs(lift - lift.mean()) <= half).mean())
    at["lift"]["excludes_0"] = float((lift > stats.t.ppf(0.975, dof) * error).mean())
    return at | {name: float((data[name][:, 0] <= 0.05).mean()) for name in ("p_lift", "p_matched")}


def estimates(mean: np.ndarray, error: np.ndarray, dof: np.ndarray) -> dict[str, float]:
    """Coverage of the 95 % intervals of one quantity, each (data sets,); the truth is the mean of all."""
    truth = mean.mean()
    half = stats.t.ppf(0.975, dof) * error
    return {
        "truth": float(truth),
        "sd": float(mean.std()),
        "mean_error": float(np.sqrt((error**2).mean())),
        "coverage": float((np.abs(mean - truth) <= half).mean()),
        "effective_patients": float(np.median(dof)),
    }


if __name__ == "__main__":
    run(main)
