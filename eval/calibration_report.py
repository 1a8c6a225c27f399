"""Table and figure of `calibration.py`."""

from __future__ import annotations

import io
from typing import Any

NOMINAL, BAND = 0.95, 0.015
TITLES = {"lift": "lift", "matched": "matched lift", "difference": "difference of two"}
COLORS = {"lift": "#1f4e9e", "matched": "#2a8c82", "difference": "#b5651d"}
OTHERS = {"bootstrap of targets": "#c8372d", "dyadic, large sample": "#8a8f98"}


def markdown(summary: dict[str, Any]) -> str:
    """One line a design and effect: coverage at the three K, rejections without an effect."""
    ks = [str(k) for k in summary["k"]]
    cells = [cell for row in summary["rows"] for cell in _coverages(row)]
    outside = [value for value in cells if abs(value - NOMINAL) > BAND]
    low = sum(value < NOMINAL for value in outside)
    lines = [
        f"Coverage of 95 % intervals in {summary['data_sets']:,} data sets of each kind, at K = "
        f"{', '.join(ks)} (one standard error of a cell: 0.5 points). {len(cells) - len(outside)} of "
        f"{len(cells)} cells are within 95 ± 1.5 %; outside, {low} cover too little and "
        f"{len(outside) - low} too much (marked). True lift: mean over all data sets at K = 5. Where the "
        "same real films stand in every data set (chestxray14-128, covid-chestxray), much of what an "
        "interval allows for, which films there are, does not vary: it is too wide for a strong effect.",
        "",
        "| data sets | planted | true lift | lift | matched lift | difference "
        "| before: bootstrap of targets | dyadic, large sample | effective patients |",
        "|---|---:|---:|---|---|---|---|---|---:|",
    ]
    for row in summary["rows"]:
        at = row["k"]
        parts = [" ".join(_cell(at[k][name]["coverage"]) for k in ks) for name in TITLES]
        parts += [" ".join(f"{100 * at[k]['lift'][name]:.0f}" for k in ks) for name in OTHERS]
        lines.append(
            f"| {row['title']} | {_planted(row)} | {100 * at['5']['lift']['truth']:+.1f} | "
            + " | ".join(parts)
            + f" | {at['5']['lift']['effective_patients']:.0f} |"
        )
    lines += [
        "",
        "Permutation tests, rejections at 5 %: without an effect beyond what film counts explain they should "
        "be 5 or less; with one they are the power.",
        "",
        "| data sets | planted | lift, K = "
        + ", ".join(ks)
        + " | matched lift | interval of the lift above 0 |",
        "|---|---:|---|---|---|",
    ]
    for row in summary["rows"]:
        at = row["k"]
        tests = [" ".join(f"{100 * at[k][name]:.1f}" for k in ks) for name in ("p_lift", "p_matched")]
        above = " ".join(f"{100 * at[k]['lift']['excludes_0']:.1f}" for k in ks)
        lines.append(f"| {row['title']} | {_planted(row)} | " + " | ".join([*tests, above]) + " |")
    return "\n".join(lines) + "\n"


def _coverages(row: dict[str, Any]) -> list[float]:
    return [at[name]["coverage"] for at in row["k"].values() for name in TITLES]


def _cell(coverage: float) -> str:
    mark = "" if abs(coverage - NOMINAL) <= BAND else "▼" if coverage < NOMINAL else "▲"
    return f"{100 * coverage:.1f}{mark}"


def _planted(row: dict[str, Any]) -> str:
    return (
        "own" if row["design"].endswith("-own") else f"{100 * row['planted']:+.0f}" if row["planted"] else "0"
    )


def draw_figure(summary: dict[str, Any]) -> bytes:
    """Coverage of every interval in every design as PNG; what was in use before beside it."""
    from matplotlib.figure import Figure

    rows = summary["rows"]
    figure = Figure(figsize=(8.6, 0.25 * len(rows) + 1.2), dpi=150)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.15, 1])
    places = {id(row): len(rows) - 1 - i for i, row in enumerate(rows)}
    for row in rows:
        y = places[id(row)]
        for j, (name, color) in enumerate(COLORS.items()):
            for at in row["k"].values():
                left.plot(100 * at[name]["coverage"], y + 0.22 * (1 - j), "o", ms=3.2, color=color, mew=0)
        for j, (name, color) in enumerate(OTHERS.items()):
            for at in row["k"].values():
                right.plot(100 * at["lift"][name], y + 0.2 * (0.5 - j), "o", ms=3.2, color=color, mew=0)
    for axis, limits in ((left, (90, 100)), (right, (50, 100))):
        axis.axvspan(100 * (NOMINAL - BAND), 100 * (NOMINAL + BAND), color="#e9f2ea", zorder=0, lw=0)
        axis.axvline(95, color="#7aa583", lw=0.8, zorder=1)
        axis.set_xlim(*limits)
        axis.tick_params(labelsize=7)
        axis.grid(axis="y", color="#eeeeee", lw=0.6)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_ylim(-0.7, len(rows) - 0.3)
        axis.set_xlabel("% of 95 % intervals that hold the truth", fontsize=7.5)
    left.set_yticks(list(places.values()), [f"{row['title']}, {_planted(row)}" for row in rows], fontsize=6.5)
    left.set_title("in use", fontsize=8, loc="left", pad=16)
    right.set_title("others, of the lift", fontsize=8, loc="left", pad=16)
    for axis, colors in ((left, COLORS), (right, OTHERS)):
        for name, color in colors.items():
            axis.plot([], [], "o", ms=4, color=color, mew=0, label=TITLES.get(name, name))
        axis.legend(
            fontsize=6.5,
            frameon=False,
            loc="lower left",
            bbox_to_anchor=(-0.03, 0.995),
            ncols=3,
            handletextpad=0.1,
            columnspacing=1.2,
        )
    figure.tight_layout(pad=0.5)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
