"""How many patients does a study of neighbours need? Width of the interval and power against their number.

    python eval/power.py ROOT [--data-sets 30]

ROOT: ChestX-ray14 images (chestxray14-10k). Real films of P patients, all of a patient's or the first alone,
carry the findings of other patients with as many films; the standard error of the lift at K = 5 then gives
the power to tell a true lift from 0 at 5 %. At 200 patients a lift of 3 points is planted and counted, too.
Writes eval/results/power.json, power.md and power.png.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from calibration_designs import Design, principal_components, real
from calibration_measures import nearest
from calibration_strengths import K, bisect, mean_gain
from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.evaluation.expectation import random_expectation
from cxrneighbors.evaluation.lift_interval import lift_estimate
from cxrneighbors.figures import new_figure
from cxrneighbors.progress import say
from cxrneighbors.statistics.dyadic import NEXT
from cxrneighbors.statistics.estimate import Estimate
from cxrneighbors.statistics.patients import patient_codes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


PATIENTS = (50, 100, 200, 400, 800, 1600)
LIFTS = {0.01: "#9db8dd", 0.02: "#5f8bc7", 0.03: "#1f4e9e", 0.05: "#0f2a5c"}  # and their colours
CHECK_AT, CHECK_LIFT = 200, 0.03
STREAM = 11  # of random numbers


def main(arguments: Sequence[str] | None = None) -> None:
    given = options(__doc__, "root", "--data-sets", "--results", data_sets=30).parse_args(arguments)
    films = import_dataset("chestxray14", given.root).studies
    vectors = principal_components(films)
    first = ~pd.Series(patient_codes(films)).duplicated().to_numpy()
    samples = {"all films of a patient": np.ones(len(films), dtype=bool), "one film a patient": first}
    rows = []
    for name, chosen in samples.items():
        part = films[chosen].reset_index(drop=True)
        for n_patients in PATIENTS:
            design = Design(name, name, real(part, vectors[chosen], part, n_patients))
            rows.append(
                {
                    "films": name,
                    "patients": n_patients,
                    **width_and_power(design, n_patients, given.data_sets),
                }
            )
            if n_patients == CHECK_AT:
                rows[-1]["counted"] = counted(design, 10 * given.data_sets)
            say(f"{name}, {n_patients} patients: ± {100 * rows[-1]['half_width']:.1f}")
    summary = {"k": K, "rows": rows}
    write_results(given.results, "power", summary, markdown(summary), {"power": draw_figure(summary)})


def width_and_power(design: Design, n_patients: int, n_data_sets: int) -> dict[str, Any]:
    """Standard error and half width of the lift's 95 % interval, and the power for each of `LIFTS`."""
    # Large samples vary little from one to the next.
    n = max(5, min(n_data_sets, 12_000 // n_patients))
    found = [estimate(design, seed, 0.0) for seed in range(n)]
    error = float(np.sqrt(np.mean([each.standard_error**2 for each in found])))
    dof = float(np.median([each.dof for each in found]))
    films = [len(design.draw(generator(seed), False).patients) for seed in range(3)]
    return {
        "standard_error": error,
        "dof": dof,
        "n_films": float(np.mean(films)),
        "half_width": float(stats.t.ppf(0.975, dof)) * error,
        "power": {f"{lift:g}": power(lift, error, dof) for lift in LIFTS},
    }


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng([STREAM, seed])


def estimate(design: Design, seed: int, strength: float) -> Estimate:
    sample = design.draw(generator(seed), False).with_effect(strength)
    chance = random_expectation(sample.masks, sample.patients, "any")
    found = nearest(sample.looks, sample.patients, K + NEXT)
    rows = np.arange(len(sample.patients))
    return lift_estimate(rows, found, K, sample.masks, sample.patients, chance, "any")


def power(lift: float, error: float, dof: float) -> float:
    """Chance that the interval lies above 0 when the true lift is `lift`: noncentral t."""
    return float(stats.nct.sf(stats.t.ppf(0.975, dof), dof, lift / error))


def counted(design: Design, n: int) -> dict[str, float]:
    """A lift of `CHECK_LIFT` planted: its mean, and how often the interval lies above 0."""
    start = float(np.mean([estimate(design, seed, 0.0).mean for seed in range(60)]))
    strength = bisect(lambda s: mean_gain(design, s, STREAM, 60) + start - CHECK_LIFT, 1.0)
    found = [estimate(design, 1000 + seed, strength) for seed in range(n)]
    return {
        "lift": float(np.mean([each.mean for each in found])),
        "power": float(np.mean([each.interval()[0] > 0 for each in found])),
    }


def markdown(summary: dict[str, Any]) -> str:
    about = (
        f"Patients needed: 95 % interval of the lift (K = {summary['k']}, overlap 'any') and power to tell a "
        "true lift from 0 at 5 %, on samples of ChestX-ray14's films and findings."
    )
    columns = {
        "films": "{films}",
        "patients:": "{patients:,}",
        "films in all:": "{n_films:,.0f}",
        "95 % CI, ± points:": "{half_width:.1p}",
    }
    columns |= {f"power at +{100 * lift:.0f}:": f"{{power[{lift:g}]:.0%}}" for lift in LIFTS}
    notes = [
        f"Counted on planted lifts, {row['films']}, {row['patients']} patients: power "
        f"{row['counted']['power']:.0%} at a mean lift of {100 * row['counted']['lift']:+.1f}."
        for row in summary["rows"]
        if "counted" in row
    ]
    return document(about, table(columns, summary["rows"]), *notes)


def draw_figure(summary: dict[str, Any]) -> Figure:
    """Power against the number of patients, a line a lift."""
    figure = new_figure(6.4, 2.9)
    results = pd.DataFrame(summary["rows"])
    names = results["films"].unique()
    for axis, name in zip(figure.subplots(1, 2, sharey=True), names, strict=True):
        rows = results[results["films"] == name]
        for lift, color in LIFTS.items():
            percent = [100 * power[f"{lift:g}"] for power in rows["power"]]
            label = f"+{100 * lift:.0f} points"
            axis.plot(rows["patients"], percent, "o-", ms=3, lw=1.4, color=color, label=label)
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
    figure.axes[1].legend(fontsize=7, frameon=False, title="true lift", title_fontsize=7, loc="upper left")
    figure.tight_layout(pad=0.5)
    return figure


if __name__ == "__main__":
    run(main)
