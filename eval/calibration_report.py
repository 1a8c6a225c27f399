"""Table and figure of `calibration.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes

from common.markdown import document, table
from cxrneighbors.figures import ORANGE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


NOMINAL, BAND = 0.95, 0.015
TITLES = {"lift": "lift", "matched": "matched lift", "difference": "difference of two"}
COLORS = {"lift": "#1f4e9e", "matched": "#2a8c82", "difference": "#b5651d"}
OTHERS = {"bootstrap of targets": ORANGE, "dyadic, large sample": "#8a8f98"}


def markdown(summary: dict[str, Any]) -> str:
    """One line a design and effect: coverage at the three K, rejections without an effect."""
    ks = [str(k) for k in summary["k"]]
    cells = [cell for row in summary["rows"] for cell in _coverages(row)]
    outside = [value for value in cells if abs(value - NOMINAL) > BAND]
    low = sum(value < NOMINAL for value in outside)
    of_intervals = (
        f"Coverage of 95 % intervals in {summary['data_sets']:,} data sets of each kind, at K = "
        f"{', '.join(ks)} (one standard error of a cell: 0.5 points). {len(cells) - len(outside)} of "
        f"{len(cells)} cells are within 95 ± 1.5 %; outside, {low} cover too little and "
        f"{len(outside) - low} too much (marked). True lift: mean over all data sets at K = 5. Where the "
        "same real films stand in every data set (chestxray14-128, covid-chestxray), much of what an "
        "interval allows for, which films there are, does not vary: it is too wide for a strong effect."
    )
    of_tests = (
        "Permutation tests, rejections at 5 %: without an effect beyond what film counts explain they should "
        "be 5 or less; with one they are the power."
    )
    lines = [{"name": row["title"], "planted": _planted(row), **_cells(row, ks)} for row in summary["rows"]]
    what = {"data sets": "{name}", "planted:": "{planted}"}
    covering = what | {"true lift:": "{truth:+.1p}"}
    covering |= {"lift": "{lift}", "matched lift": "{matched}", "difference": "{difference}"}
    covering |= {"before: bootstrap of targets": "{bootstrap of targets}"}
    covering |= {"dyadic, large sample": "{dyadic, large sample}", "effective patients:": "{patients:.0f}"}
    rejecting = what | {f"lift, K = {', '.join(ks)}": "{p_lift}", "matched lift": "{p_matched}"}
    rejecting |= {"interval of the lift above 0": "{excludes_0}"}
    return document(of_intervals, table(covering, lines), of_tests, table(rejecting, lines))


def _cells(row: dict[str, Any], ks: list[str]) -> dict[str, Any]:
    """Fields of both tables, the figures at all K in one cell."""
    at, lift = [row["k"][k] for k in ks], row["k"]["5"]["lift"]
    cells = {"truth": lift["truth"], "patients": lift["effective_patients"]}
    cells |= {name: " ".join(_cell(each[name]["coverage"]) for each in at) for name in TITLES}
    cells |= {name: " ".join(f"{100 * each['lift'][name]:.0f}" for each in at) for name in OTHERS}
    cells |= {name: " ".join(f"{100 * each[name]:.1f}" for each in at) for name in ("p_lift", "p_matched")}
    return cells | {"excludes_0": " ".join(f"{100 * each['lift']['excludes_0']:.1f}" for each in at)}


def _coverages(row: dict[str, Any]) -> list[float]:
    return [at[name]["coverage"] for at in row["k"].values() for name in TITLES]


def _cell(coverage: float) -> str:
    mark = "" if abs(coverage - NOMINAL) <= BAND else "▼" if coverage < NOMINAL else "▲"
    return f"{100 * coverage:.1f}{mark}"


def _planted(row: dict[str, Any]) -> str:
    return (
        "own" if row["design"].endswith("-own") else f"{100 * row['planted']:+.0f}" if row["planted"] else "0"
    )


def draw_figure(summary: dict[str, Any]) -> Figure:
    """Coverage of every interval in every design; what was in use before beside it."""
    rows = summary["rows"]
    figure = new_figure(9.4, 0.25 * len(rows) + 1.2)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1, 1])
    places = range(len(rows) - 1, -1, -1)
    for y, row in zip(places, rows, strict=True):
        for at in row["k"].values():
            _dots(left, y, {COLORS[name]: at[name]["coverage"] for name in COLORS}, 0.22)
            _dots(right, y, {OTHERS[name]: at["lift"][name] for name in OTHERS}, 0.2)
    left.set_yticks(list(places), [f"{row['title']}, {_planted(row)}" for row in rows], fontsize=6.5)
    left.set_ylim(-0.7, len(rows) - 0.3)
    _finish(left, (90, 100), "in use", {TITLES[name]: color for name, color in COLORS.items()})
    _finish(right, (50, 100), "others, of the lift", OTHERS)
    figure.tight_layout(pad=0.5)
    return figure


def _dots(axis: Axes, y: float, coverage: dict[str, float], step: float) -> None:
    """A dot for each colour, from top to bottom."""
    for j, (color, value) in enumerate(coverage.items()):
        above = step * ((len(coverage) - 1) / 2 - j)
        axis.plot(100 * value, y + above, "o", ms=3.2, color=color, mew=0)


def _finish(axis: Axes, limits: tuple[float, float], title: str, colors: dict[str, str]) -> None:
    """Nominal coverage and its band, the axis' words, and a legend above it."""
    axis.axvspan(100 * (NOMINAL - BAND), 100 * (NOMINAL + BAND), color="#e9f2ea", zorder=0, lw=0)
    axis.axvline(100 * NOMINAL, color="#7aa583", lw=0.8, zorder=1)
    axis.set_xlim(*limits)
    axis.tick_params(labelsize=7)
    axis.grid(axis="y", color="#eeeeee", lw=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_xlabel("% of 95 % intervals that hold the truth", fontsize=7.5)
    axis.set_title(title, fontsize=8, loc="left", pad=16)
    for name, color in colors.items():
        axis.plot([], [], "o", ms=4, color=color, mew=0, label=name)
    style: dict[str, Any] = {"fontsize": 6.5, "frameon": False, "handletextpad": 0.1, "columnspacing": 1.2}
    axis.legend(loc="lower left", bbox_to_anchor=(-0.06, 0.995), ncols=3, **style)
