"""Do the intervals cover and the tests keep their level? Simulation of everything that stands under a table.

    python eval/calibration.py DATA [--data-sets 2000] [--jobs 2] [--only NAME ...]

DATA: a folder with chestxray14-128, chestxray14-10k and covid-chestxray (their film counts, films, findings
are used). For each design of `calibration_designs.py`, without effect and with lifts of +3 and +12 points at
K = 5: coverage of the 95 % intervals of lifts, matched lifts and paired differences at K = 1, 5 and 10, and
how often the permutation tests reject at 5 %. An interval covers when it holds the mean over all data sets of
its kind. Writes eval/results/calibration.json, calibration.md and calibration.png. Interrupted, it goes on.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from calibration_designs import Design, designs
from calibration_measures import KS, lift_of, measure, null_mean
from calibration_report import draw_figure, markdown
from joblib import Parallel, delayed
from scipy import stats

from cxrneighbors.files import write_bytes_atomic, write_json_atomic, write_text_atomic
from cxrneighbors.progress import say

RESULTS = Path(__file__).parent / "results"
EFFECTS = (0.0, 0.03, 0.12)  # planted lifts at K = 5
BY_COUNT = 0.031  # lift that film counts alone explain in the design `by-count`: as on chestxray14-128
CHUNK = 50  # data sets a job; each chunk's seeds are its own, so chunks may be done in any order
TUNING = 120  # data sets that a planted strength is found with


def main() -> None:
    arguments = parse_arguments()
    work = Path(arguments.work)
    work.mkdir(parents=True, exist_ok=True)
    say("reading films, finding the strengths of planted effects")
    plan = tuned(Path(arguments.data), work)
    if arguments.only:
        plan = [cell for cell in plan if cell[0].name in arguments.only]
    n_chunks = -(-arguments.data_sets // CHUNK)
    jobs = [
        (cell, chunk)
        for chunk in range(n_chunks)
        for cell in plan
        if not chunk_file(work, cell, chunk).is_file()
    ]
    say(f"{len(plan)} kinds of data sets, {len(jobs)} of {len(plan) * n_chunks} chunks to do")
    Parallel(n_jobs=arguments.jobs, verbose=5)(delayed(run_chunk)(work, cell, chunk) for cell, chunk in jobs)
    rows = [cell_row(work, cell, n_chunks) for cell in plan]
    summary = {
        "data_sets": n_chunks * CHUNK,
        "k": list(KS),
        "rows": rows,
    }
    write_json_atomic(RESULTS / "calibration.json", summary)
    write_text_atomic(RESULTS / "calibration.md", markdown(summary))
    write_bytes_atomic(RESULTS / "calibration.png", draw_figure(summary))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data")
    parser.add_argument("--data-sets", type=int, default=2000, help="of each kind")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=[], help="names of designs")
    parser.add_argument("--work", default="build/eval/calibration")
    return parser.parse_args()


Cell = tuple[Design, float, float]  # design, planted lift, strength that plants it


def tuned(data: Path, work: Path) -> list[Cell]:
    """Every design with every effect, its strength found by bisection and kept in the work folder."""
    path = work / "strengths.json"
    known: dict[str, float] = json.loads(path.read_text()) if path.is_file() else {}
    if "by_count" not in known:
        known["by_count"] = bisect(lambda s: mean_null(designs_of(data, s), "by-count") - BY_COUNT, 1.2)
    plan = []
    for design in designs_of(data, known["by_count"]):
        for effect in EFFECTS:
            if design.real_effect and effect:
                continue
            key = f"{design.name} {effect:g}"
            if effect and key not in known:
                known[key] = bisect(lambda s, d=design, e=effect: mean_gain(d, s) - e, 1.5)  # type: ignore[misc]
            plan.append((design, effect, known.get(key, 0.0)))
        write_json_atomic(path, known)
    return plan


_DESIGNS: dict[float, list[Design]] = {}


def designs_of(data: Path, by_count: float) -> list[Design]:
    if by_count not in _DESIGNS:
        _DESIGNS[by_count] = designs(data, by_count)
    return _DESIGNS[by_count]


def bisect(excess: Any, high: float, steps: int = 8) -> float:
    """Where a rising function crosses 0 between 0 and `high`."""
    low = 0.0
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (low, middle) if excess(middle) > 0 else (middle, high)
    return (low + high) / 2


def mean_gain(design: Design, strength: float) -> float:
    """Mean lift with an effect less mean lift without it, on the same data sets."""
    gains = []
    for seed in range(TUNING):
        sample = design.draw(np.random.default_rng([7, seed]), False)
        gains.append(lift_of(sample.with_effect(strength), 5) - lift_of(sample, 5))
    return float(np.mean(gains))


def mean_null(found: list[Design], name: str) -> float:
    design = next(each for each in found if each.name == name)
    rngs = [np.random.default_rng([8, seed]) for seed in range(TUNING // 4)]
    return float(np.mean([null_mean(design.draw(rng, False), 5, rng) for rng in rngs]))


def chunk_file(work: Path, cell: Cell, chunk: int) -> Path:
    return work / f"{cell[0].name}-{cell[1]:g}-{chunk:03d}.npz"


def run_chunk(work: Path, cell: Cell, chunk: int) -> None:
    design, _, strength = cell
    found = []
    for number in range(CHUNK):
        rng = np.random.default_rng([chunk, number])
        plain = design.draw(rng, False).with_effect(strength)
        viewed = design.draw(rng, True).with_effect(strength)
        found.append(measure(plain, viewed, rng))
    stacked = {name: np.stack([each[name] for each in found]) for name in found[0]}
    path = chunk_file(work, cell, chunk)
    np.savez(path.with_suffix(".part.npz"), **stacked)
    path.with_suffix(".part.npz").replace(path)


def cell_row(work: Path, cell: Cell, n_chunks: int) -> dict[str, Any]:
    """Coverage, rejections and widths of one kind of data sets."""
    parts = [np.load(chunk_file(work, cell, chunk)) for chunk in range(n_chunks)]
    data = {name: np.concatenate([part[name] for part in parts]) for name in parts[0].files}
    row: dict[str, Any] = {"design": cell[0].name, "title": cell[0].title, "planted": cell[1], "k": {}}
    for i, k in enumerate(KS):
        at: dict[str, Any] = {}
        for name in ("lift", "matched", "difference"):
            mean, error, dof = data[name][:, i].T
            truth = float(mean.mean())
            half = stats.t.ppf(0.975, dof) * error
            at[name] = {
                "truth": truth,
                "sd": float(mean.std()),
                "mean_error": float(np.sqrt((error**2).mean())),
                "coverage": float((np.abs(mean - truth) <= half).mean()),
                "effective_patients": float(np.median(dof)),
            }
        mean, others = data["lift"][:, i, 0], data["others"][:, i]
        for column, name in enumerate(("bootstrap of targets", "dyadic, large sample")):
            at["lift"][name] = float((np.abs(mean - mean.mean()) <= others[:, column]).mean())
        at["lift"]["excludes_0"] = float(
            (data["lift"][:, i, 0] > stats.t.ppf(0.975, data["lift"][:, i, 2]) * data["lift"][:, i, 1]).mean()
        )
        for name in ("p_lift", "p_matched"):
            at[name] = float((data[name][:, i, 0] <= 0.05).mean())
        row["k"][str(k)] = at
    return row


if __name__ == "__main__":
    main()
