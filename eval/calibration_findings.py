"""Do the intervals of single findings cover? Few targets have a rare finding, and often no neighbour has it.

    python eval/calibration_findings.py DATA [--data-sets 1000]

DATA and the strengths of effects as for calibration.py, which is run first. K = 5; for findings from
frequent to rare: coverage of the 95 % interval of the lift in share of neighbours with the finding.
Writes eval/results/calibration_findings.json and .md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from calibration_measures import nearest
from calibration_strengths import Cell, tuned
from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.evaluation.expectation import random_expectation
from cxrneighbors.evaluation.lift_interval import lift_estimate, rare_lift_estimate
from cxrneighbors.progress import track
from cxrneighbors.statistics.dyadic import NEXT
from cxrneighbors.statistics.estimate import Estimate

K = 5
DESIGNS = ("single", "counts-128", "few-big", "real-10k")
PLANTED = (0.0, 0.12)


def main(arguments: Sequence[str] | None = None) -> None:
    work = Path("build/eval/calibration")
    parser = options(__doc__, "data", "--data-sets", "--work", "--results", data_sets=1000, work=work)
    given = parser.parse_args(arguments)
    cells = tuned(given.data, given.work)
    plan = [cell for cell in cells if cell.design.name in DESIGNS and cell.planted in PLANTED]
    rows = [row for cell in track(plan, "Kinds of data sets") for row in finding_rows(cell, given.data_sets)]
    summary = {"data_sets": given.data_sets, "k": K, "rows": rows}
    write_results(given.results, "calibration_findings", summary, markdown(summary))


def finding_rows(cell: Cell, n: int) -> list[dict[str, Any]]:
    """A line for each of up to four findings of a kind of data sets, from frequent to rare."""
    design, planted, strength = cell
    found: dict[int, list[tuple[float, ...]]] = {}
    bits = frequent_to_rare(design.draw(np.random.default_rng(0), False).masks[:, 0])
    for seed in range(n):
        sample = design.draw(np.random.default_rng([98, seed]), False).with_effect(strength)
        graph = nearest(sample.looks, sample.patients, K + NEXT)
        for bit in bits:
            masks = sample.masks & np.uint64(1 << bit)
            rows = np.flatnonzero(masks[:, 0])
            if len(rows):
                chance = random_expectation(masks, sample.patients, "any")
                part = (rows, graph[rows], K, masks, sample.patients, chance)
                with_floor, plain = rare_lift_estimate(*part), lift_estimate(*part, "any")
                widths = (half_width(with_floor), half_width(plain))
                found.setdefault(bit, []).append((plain.mean, *widths, len(rows)))
    return [{"title": design.title, "planted": planted, **coverage(np.array(found[bit]))} for bit in bits]


def half_width(estimate: Estimate) -> float:
    if np.isnan(estimate.standard_error):
        return float("nan")
    return float(stats.t.ppf(0.975, estimate.dof)) * estimate.standard_error


def coverage(values: np.ndarray) -> dict[str, float]:
    mean, floor, plain, targets = values.T
    off = np.abs(mean - mean.mean())
    known = np.isfinite(floor)
    return {
        "targets": float(targets.mean()),
        "true_lift": float(mean.mean()),
        "covers": float((off <= floor)[known].mean()),
        "no_interval": float(1 - known.mean()),
        "covers_without_floor": float((off <= plain)[np.isfinite(plain)].mean()),
    }


def frequent_to_rare(masks: np.ndarray) -> list[int]:
    """Four of the findings that at least three films have, evenly spaced by frequency."""
    counts = {bit: int(((masks >> np.uint64(bit)) & np.uint64(1)).sum()) for bit in range(16)}
    order = sorted((bit for bit, count in counts.items() if count >= 3), key=lambda bit: -counts[bit])
    return [order[i] for i in np.linspace(0, len(order) - 1, 4).round().astype(int)]


def markdown(summary: dict[str, Any]) -> str:
    about = (
        f"Coverage of 95 % intervals of single findings, {summary['data_sets']} data sets of each kind, K = "
        f"{summary['k']}; without the floor: the same variance not held above that of independent draws."
    )
    columns = {
        "data sets": "{title}",
        "planted:": "{planted:+.0p}",
        "targets:": "{targets:.0f}",
        "true lift:": "{true_lift:+.1p}",
        "covers:": "{covers:.1%}",
        "without the floor:": "{covers_without_floor:.1%}",
        "no interval:": "{no_interval:.1%}",
    }
    return document(about, table(columns, summary["rows"]))


if __name__ == "__main__":
    run(main)
