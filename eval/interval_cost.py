"""What do the intervals cost at full size? Seconds against the number of targets, up to 112,120.

    python eval/interval_cost.py LABELS

LABELS: ChestX-ray14's Data_Entry_2017_v2020.csv (or .csv.gz). Neighbours are drawn at random among other
patients (K = 5, and the ranks behind): the cost of an interval does not depend on who they are. Subsets hold
whole patients. Writes eval/results/interval_cost.json and .md.
"""

from __future__ import annotations

import resource
import timeit
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.markdown import document, table
from common.options import options, run
from common.results import circumstances, write_results
from cxrneighbors.evaluation.expectation import random_expectation
from cxrneighbors.evaluation.labels import encode_labels
from cxrneighbors.evaluation.lift_interval import difference_estimate, lift_estimate
from cxrneighbors.evaluation.sampling import draw_neighbors
from cxrneighbors.statistics.dyadic import NEXT

SHARES = (0.125, 0.25, 0.5, 1.0)
K, REPEATS = 5, 3


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "--results")
    parser.add_argument("labels", type=Path)
    given = parser.parse_args(arguments)
    films = pd.read_csv(given.labels)
    patients = pd.factorize(films["Patient ID"])[0]
    masks = encode_labels(films["Finding Labels"].str.split("|")).masks
    views = pd.factorize(films["View Position"])[0]
    age = films["Patient Age"].clip(0, 100) // 10
    bands = pd.factorize(films["View Position"] + films["Patient Gender"] + age.astype(str))[0]
    rows = []
    for share in SHARES:
        chosen = patients < share * (patients.max() + 1)
        rows.append(timed(masks[chosen], patients[chosen], views[chosen], bands[chosen]))
        print(rows[-1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    summary = {"k": K, "rows": rows, "peak_memory_gib": round(peak, 2)}
    write_results(given.results, "interval_cost", summary, markdown(summary))


def timed(masks: np.ndarray, patients: np.ndarray, views: np.ndarray, bands: np.ndarray) -> dict[str, Any]:
    """Best of `REPEATS` of each kind of interval, in seconds, expectations not counted."""
    rng = np.random.default_rng(0)
    targets = np.arange(len(patients))
    nothing = np.zeros(len(patients), dtype=np.int64)
    first, second = (draw_neighbors(targets, patients, nothing, targets, K + NEXT, rng) for _ in range(2))
    everywhere = random_expectation(masks, patients, "any")
    row: dict[str, Any] = {"targets": len(targets), "patients": int(patients.max()) + 1}
    row["lift"] = best(lambda: lift_estimate(targets, first, K, masks, patients, everywhere, "any"))
    for name, strata in (("same view", views), ("same view, sex, age", bands)):
        within = random_expectation(masks, patients, "any", strata)
        usable = np.flatnonzero(within.candidates >= K)
        row[name] = best(
            lambda s=strata, w=within, u=usable: lift_estimate(  # type: ignore[misc]
                u, first[u], K, masks, patients, w, "any", s
            )
        )
    row["difference"] = best(
        lambda: difference_estimate(targets, first, second, K, masks, patients, everywhere.mean, "any")
    )
    return row


def best(task: Callable[[], object]) -> float:
    return round(min(timeit.repeat(task, number=1, repeat=REPEATS)), 3)


def markdown(summary: dict[str, Any]) -> str:
    names = [name for name in summary["rows"][0] if name not in ("targets", "patients")]
    where = circumstances()
    about = (
        f"Seconds for one 95 % interval (K = {summary['k']}), best of {REPEATS}; {where['machine']}, "
        f"{where['cores']} cores, Python {where['versions']['python']}; peak memory of the whole run "
        f"{summary['peak_memory_gib']} GiB."
    )
    columns = {"targets:": "{targets:,}", "patients:": "{patients:,}"}
    columns |= {f"{name}:": f"{{{name}:.2f}}" for name in names}
    return document(about, table(columns, summary["rows"]))


if __name__ == "__main__":
    run(main)
