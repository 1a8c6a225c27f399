"""The tables and the figure of `encoders.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from common.markdown import document, interval, table
from cxrneighbors.figures import BLUE, GREY, PAGE_WIDTH, TEAL, new_figure
from encoder_films import LAST_LOOK, MAIN, N_FOLDS
from encoder_rows import GROUPS, LABELS, UNSUPERVISED, UNTRAINED
from encoder_scores import QUESTIONS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


COLORS = {UNTRAINED: GREY, UNSUPERVISED: BLUE, LABELS: TEAL}
LIFTS = {"overall": "lift", "patients": "one per patient", "within": "within {}", "diseased": "diseased"}
EMPTY = {"lift": float("nan"), "lift_ci95": [float("nan")] * 2}
RETRIEVAL = {"P@1": "p_at_1", "P@3": "p_at_3", "P@5": "p_at_5", "P@10": "p_at_10", "mAP@20": "map"}


def markdown(summary: Mapping[str, Any]) -> str:
    """For each data set: lifts, retrieval and costs by group of encoders, then paired differences."""
    meanings = "; ".join(
        f"*{LIFTS[name].format('view')}*: {text}" for name, text in summary["questions"].items()
    )
    groups = "; ".join(f"*{name}*: {text}" for name, text in summary["groups"].items())
    about = (
        f"Image encoders under one protocol, the {summary['k']} nearest films of other patients. Lift over "
        "exact random choice in points, with 95 % intervals (a patient counts as one). "
        f"{meanings}. P@k and mAP: shares of relevant films, relevant as for *lift*. *hubs*: places "
        "taken by the hundredth of films that is shown most often, near 100 % where everybody is shown the "
        "same films. Seconds (of the processor), reading included: to learn, and to encode 1,000 films. "
        f"Groups: {groups}. *random* and NAME-before are checks: random numbers, and what is trained "
        f"before its first step.{further(summary['also'])}"
    )
    blocks = [about, looked(summary["looks"])]
    for name, result in summary["data_sets"].items():
        blocks += [heading(name, result), *lift_tables(result), *auroc_table(result)]
        if result["comparisons"]:
            less = "Paired differences, Holm over all of these:"
            blocks += [less, differences_table(result)]
    return document(*blocks)


def further(also: list[str]) -> str:
    return f" Also learned from: {', '.join(also)}." if also else ""


def looked(looks: Mapping[str, int]) -> str:
    """How often the patients of split 'test' were looked at."""
    times = ", ".join(f"{name} {n}" for name, n in looks.items()) or "never"
    return f"Looks at the patients of split 'test' so far: {times}."


def heading(name: str, result: Mapping[str, Any]) -> str:
    n_folds = len(result["n_learned"])
    among = f"{n_folds} of {N_FOLDS} folds" if n_folds < N_FOLDS else f"{N_FOLDS} folds"
    how = {
        MAIN: f"{among} of the patients not of split 'test', pooled",
        LAST_LOOK: "patients of split 'test'",
    }
    learned = " / ".join(f"{n:,}" for n in result["n_learned"])
    worth, constant = (100 * (result[f"lift_of_{name}"] or 0) for name in ("context", "constant"))
    return (
        f"**{name}**, {how.get(name, 'learned from ' + MAIN)}: {result['n_films']:,} films of "
        f"{result['n_patients']:,} patients, learned from {learned} films. "
        f"Knowing only the {result['within']} is worth {worth:+.1f}; showing everybody the same five films "
        f"with the commonest finding {constant:+.1f}."
    )


def lift_tables(result: Mapping[str, Any]) -> list[str]:
    """A table for each group that has encoders."""
    columns = {"{group}": "{name}", "dim:": "{dim}"}
    columns |= {
        LIFTS[question].format(result["within"]) + " (95 % CI)": interval(question) for question in QUESTIONS
    }
    columns |= {f"{name}:": f"{{{key}:.1p}}" for name, key in RETRIEVAL.items()}
    columns |= {"hubs:": "{hub_share:.1p}"}
    columns |= {
        "learn, s:": "{fit_seconds[0]:.0f} ({fit_seconds[1]:.0f})",
        "encode, s:": "{encode_seconds[0]:.1f} ({encode_seconds[1]:.1f})",
    }
    blocks = []
    for group in GROUPS:
        rows = [flat(name, row) for name, row in result["encoders"].items() if row["group"] == group]
        named = {heading.replace("{group}", group): cell for heading, cell in columns.items()}
        blocks += [table(named, rows)] if rows else []
    return blocks


def flat(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    lifts = {question: {**EMPTY, **row[question]} for question in QUESTIONS}
    cells = {question: each["lift"] for question, each in lifts.items()}
    cells |= {f"{question}_ci95": each["lift_ci95"] for question, each in lifts.items()}
    overall = row["overall"]
    hubs = {"hub_share": overall.get("hub_share", float("nan"))}
    return {"name": name, **row, **hubs, **overall.get("retrieval", {}), **cells}


def auroc_table(result: Mapping[str, Any]) -> list[str]:
    """AUROC of the findings by the classifiers among the encoders, a column an encoder."""
    found = {name: row["auroc"] for name, row in result["encoders"].items() if row["auroc"]}
    if not found:
        return []
    findings = next(iter(found.values()))
    columns = {"AUROC": "{finding}"} | {
        f"{name}:": f"{{column{number}}}" for number, name in enumerate(found)
    }
    rows = []
    for finding in findings:
        values = [each[finding] for each in found.values()]
        cells = ["" if value is None else f"{value:.3f}" for value in values]
        rows.append({"finding": finding, **{f"column{number}": cell for number, cell in enumerate(cells)}})
    return [table(columns, rows)]


def differences_table(result: Mapping[str, Any]) -> str:
    columns = {
        "encoder": "{first}",
        "less": "{second}",
        "question": "{asked}",
        "targets:": "{n_targets:,}",
        "difference (95 % CI)": interval("difference"),
        "p:": "{p_value:.4f}",
        "Holm:": "{p_value_adjusted:.4f}",
    }
    rows = [row | {"asked": LIFTS[row["question"]].format(result["within"])} for row in result["comparisons"]]
    return table(columns, rows)


def draw_figure(summary: Mapping[str, Any]) -> Figure:
    """Lift with its interval of each encoder on the main set, overall and within view."""
    encoders = summary["data_sets"][MAIN]["encoders"]
    names = [name for group in GROUPS for name, row in encoders.items() if row["group"] == group]
    figure = new_figure(PAGE_WIDTH, 1.0 + 0.24 * len(names), constrained=True)
    titles = {"overall": "all films", "within": "within view"}
    axes = figure.subplots(1, 2, sharey=True)
    for axis, (question, title) in zip(axes, titles.items(), strict=True):
        for group, color in COLORS.items():
            places = [place for place, name in enumerate(names) if encoders[name]["group"] == group]
            if not places:
                continue
            rows = [{**EMPTY, **encoders[names[place]][question]} for place in places]
            lifts = 100 * np.array([row["lift"] for row in rows])
            ends = 100 * np.array([row["lift_ci95"] for row in rows], dtype=np.float64)
            errors = np.abs(ends.T - lifts)
            axis.errorbar(lifts, places, xerr=errors, fmt="o", ms=4, lw=1.4, color=color, label=group)
        axis.axvline(0, color="#999999", lw=0.7, ls="--")
        axis.set_title(title, fontsize=8, loc="left")
        axis.set_xlabel("lift over random choice, points", fontsize=7.5)
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=7, frameon=False, ncols=3, loc="outside upper right")
    return figure
