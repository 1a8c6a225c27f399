"""How many patients does a study of neighbours need? Width of the interval and power against their number.

    python eval/power.py ROOT [--data-sets 30]

ROOT: ChestX-ray14 images (chestxray14-10k). Real films of P patients, all of a patient's or the first alone,
carry the findings of other patients with as many films; the standard error of the lift at K = 5 then gives
the power to tell a true lift from 0 at 5 %. At 200 patients a lift of 3 points is planted and counted, too.
Writes eval/results/power.json, power.md and power.png.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from calibration import bisect
from calibration_designs import Design, principal_components, real
from calibration_measures import lift_of, nearest
from scipy import stats

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.evaluation.expectation import random_expectation
from cxrneighbors.evaluation.lift_interval import lift_estimate
from cxrneighbors.files import write_bytes_atomic, write_json_atomic, write_text_atomic
from cxrneighbors.progress import say
from cxrneighbors.statistics.dyadic import NEXT
from cxrneighbors.statistics.estimate import Estimate
from cxrneighbors.statistics.patients import patient_codes

RESULTS = Path(__file__).parent / "results"
PATIENTS = (50, 100, 200, 400, 800, 1600)
LIFTS = (0.01, 0.02, 0.03, 0.05)
K, CHECK_AT, CHECK_LIFT = 5, 200, 0.03


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root")
    parser.add_argument("--data-sets", type=int, default=30, help="for each number of patients")
    arguments = parser.parse_args()
    table = import_dataset("chestxray14", arguments.root).studies
    vectors = principal_components(table)
    first = ~pd.Series(patient_codes(table)).duplicated().to_numpy()
    samples = {"all films of a patient": np.ones(len(table), dtype=bool), "one film a patient": first}
    rows = []
    for name, chosen in samples.items():
        part = table[chosen].reset_index(drop=True)
        for n_patients in PATIENTS:
            design = Design(name, name, real(part, vectors[chosen], part, n_patients))
            # Large samples vary little from one to the next.
            n = max(5, min(arguments.data_sets, 12_000 // n_patients))
            found = [estimate(design, seed, 0.0) for seed in range(n)]
            error = float(np.sqrt(np.mean([each.standard_error**2 for each in found])))
            dof = float(np.median([each.dof for each in found]))
            row = {"films": name, "patients": n_patients, "standard_error": error, "dof": dof}
            row["n_films"] = float(np.mean([len(design.draw(_rng(s), False).patients) for s in range(3)]))
            row["half_width"] = float(stats.t.ppf(0.975, dof)) * error
            row["power"] = {f"{lift:g}": power(lift, error, dof) for lift in LIFTS}
            if n_patients == CHECK_AT:
                row["counted"] = counted(design, 10 * arguments.data_sets)
            rows.append(row)
            say(f"{name}, {n_patients} patients: ± {100 * row['half_width']:.1f}")
    summary = {"k": K, "rows": rows}
    write_json_atomic(RESULTS / "power.json", summary)
    write_text_atomic(RESULTS / "power.md", markdown(summary))
    write_bytes_atomic(RESULTS / "power.png", draw_figure(summary))
    print(markdown(summary))


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng([11, seed])


def estimate(design: Design, seed: int, strength: float) -> Estimate:
    sample = design.draw(_rng(seed), False).with_effect(strength)
    chance = random_expectation(sample.masks, sample.patients, "any")
    found = nearest(sample.looks, sample.patients, K + NEXT)
    rows = np.arange(len(sample.patients))
    return lift_estimate(rows, found, K, sample.masks, sample.patients, chance, "any")


def power(lift: float, error: float, dof: float) -> float:
    """Chance that the interval lies above 0 when the true lift is `lift`: noncentral t."""
    return float(stats.nct.sf(stats.t.ppf(0.975, dof), dof, lift / error))


def counted(design: Design, n: int) -> dict[str, float]:
    """A lift of `CHECK_LIFT` planted: its mean, and how often the interval lies above 0."""

    def gain(strength: float) -> float:
        samples = [design.draw(_rng(seed), False) for seed in range(60)]
        return float(np.mean([lift_of(s.with_effect(strength), K) - lift_of(s, K) for s in samples]))

    start = float(np.mean([estimate(design, seed, 0.0).mean for seed in range(60)]))
    strength = bisect(lambda s: gain(s) + start - CHECK_LIFT, 1.0)
    found = [estimate(design, 1000 + seed, strength) for seed in range(n)]
    return {
        "lift": float(np.mean([each.mean for each in found])),
        "power": float(np.mean([each.interval()[0] > 0 for each in found])),
    }


def markdown(summary: dict[str, Any]) -> str:
    lines = [
        f"Patients needed: 95 % interval of the lift (K = {summary['k']}, overlap 'any') and power to tell a "
        "true lift from 0 at 5 %, on samples of ChestX-ray14's films and findings.",
        "",
        "| films | patients | films in all | 95 % CI, ± points | "
        + " | ".join(f"power at +{100 * lift:.0f}" for lift in LIFTS)
        + " |",
        "|---|---:|---:|---:|" + "---:|" * len(LIFTS),
    ]
    for row in summary["rows"]:
        lines.append(
            f"| {row['films']} | {row['patients']:,} | {row['n_films']:,.0f} "
            f"| {100 * row['half_width']:.1f} | "
            + " | ".join(f"{value:.0%}" for value in row["power"].values())
            + " |"
        )
    for row in summary["rows"]:
        if "counted" in row:
            seen = row["counted"]
            lines += [
                "",
                f"Counted on planted lifts, {row['films']}, {row['patients']} patients: power "
                f"{seen['power']:.0%} at a mean lift of {100 * seen['lift']:+.1f}.",
            ]
    return "\n".join(lines) + "\n"


def draw_figure(summary: dict[str, Any]) -> bytes:
    """Power against the number of patients, a line a lift, as PNG."""
    from matplotlib.figure import Figure

    colors = ("#9db8dd", "#5f8bc7", "#1f4e9e", "#0f2a5c")
    figure = Figure(figsize=(6.4, 2.9), dpi=150)
    names = list(dict.fromkeys(row["films"] for row in summary["rows"]))
    for axis, name in zip(figure.subplots(1, 2, sharey=True), names, strict=True):
        rows = [row for row in summary["rows"] if row["films"] == name]
        for lift, color in zip(LIFTS, colors, strict=True):
            axis.plot(
                [row["patients"] for row in rows],
                [100 * row["power"][f"{lift:g}"] for row in rows],
                "o-",
                ms=3,
                lw=1.4,
                color=color,
                label=f"+{100 * lift:.0f} points",
            )
        axis.axhline(80, color="#999999", lw=0.7, ls="--")
        axis.set_xscale("log", base=2)
        axis.set_xticks(PATIENTS, [f"{n}" for n in PATIENTS])
        axis.minorticks_off()
        axis.tick_params(labelsize=7)
        axis.set_ylim(0, 102)
        axis.set_title(name, fontsize=8, loc="left")
        axis.set_xlabel("patients", fontsize=7.5)
        axis.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("power at 5 %, per cent", fontsize=7.5)
    figure.axes[0].legend(fontsize=7, frameon=False, title="true lift", title_fontsize=7, loc="upper left")
    figure.tight_layout(pad=0.5)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


if __name__ == "__main__":
    main()
