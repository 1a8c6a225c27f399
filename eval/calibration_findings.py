"""Do the intervals of single findings cover? Few targets have a rare finding, and often no neighbour has it.

    python eval/calibration_findings.py DATA [--data-sets 1000]

DATA and the strengths of effects as for calibration.py, which is run first. K = 5; for findings from
frequent to rare: coverage of the 95 % interval of the lift in share of neighbours with the finding.
Writes eval/results/calibration_findings.json and .md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from calibration import RESULTS, Cell, tuned
from calibration_measures import nearest
from scipy import stats

from cxrneighbors.evaluation.expectation import random_expectation
from cxrneighbors.evaluation.lift_interval import lift_estimate, rare_lift_estimate
from cxrneighbors.files import write_json_atomic, write_text_atomic
from cxrneighbors.progress import track
from cxrneighbors.statistics.dyadic import NEXT

K = 5
DESIGNS = ("single", "counts-128", "few-big", "real-10k")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data")
    parser.add_argument("--data-sets", type=int, default=1000, help="of each kind")
    parser.add_argument("--work", default="build/eval/calibration")
    arguments = parser.parse_args()
    plan = [
        cell
        for cell in tuned(Path(arguments.data), Path(arguments.work))
        if cell[0].name in DESIGNS and cell[1] in (0.0, 0.12)
    ]
    rows = [
        row for cell in track(plan, "Kinds of data sets") for row in finding_rows(cell, arguments.data_sets)
    ]
    summary = {"data_sets": arguments.data_sets, "k": K, "rows": rows}
    write_json_atomic(RESULTS / "calibration_findings.json", summary)
    write_text_atomic(RESULTS / "calibration_findings.md", markdown(summary))
    print(markdown(summary))


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
                found.setdefault(bit, []).append(
                    (plain.mean, *half_width(with_floor), *half_width(plain), len(rows))
                )
    return [{"title": design.title, "planted": planted, **coverage(np.array(found[bit]))} for bit in bits]


def half_width(estimate: Any) -> tuple[float]:
    if np.isnan(estimate.standard_error):
        return (float("nan"),)
    return (float(stats.t.ppf(0.975, estimate.dof)) * estimate.standard_error,)


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
    lines = [
        f"Coverage of 95 % intervals of single findings, {summary['data_sets']} data sets of each kind, K = "
        f"{summary['k']}; without the floor: the same variance not held above that of independent draws.",
        "",
        "| data sets | planted | targets | true lift | covers | without the floor | no interval |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in summary["rows"]:
        lines.append(
            f"| {row['title']} | {100 * row['planted']:+.0f} | {row['targets']:.0f} "
            f"| {100 * row['true_lift']:+.1f} | {row['covers']:.1%} | {row['covers_without_floor']:.1%} "
            f"| {row['no_interval']:.1%} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
