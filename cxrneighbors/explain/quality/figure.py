"""The benchmark in one picture: a panel a measure, right is better in all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.explain.quality.metrics import Metric, by_name
from cxrneighbors.explain.quality.references import title_of
from cxrneighbors.explain.quality.tables import mark
from cxrneighbors.figures import BLUE, PAGE_WIDTH, RED, new_figure, to_png

# One row of panels a question.
LAYOUT = (
    ("finds the lesion", ("pointing", "iou", "energy")),
    ("true to the classifier", ("deletion", "insertion", "held_out")),
    ("same answer again", ("seed_jaccard", "seed_rank", "across")),
    ("sane? cheap?", ("sanity", "calls", "seconds")),
)
COLOURS = (BLUE, RED, "#c98a00", "#1a7f37")


def draw_benchmark(summary: pd.DataFrame, pairs: pd.DataFrame) -> bytes:
    """PNG bytes: means with 95 % intervals, methods down, segmentations in colours.

    Filled: differs from LIME (Holm-adjusted p < 0.05); hollow: not told apart. Grey line: random segments.
    """
    shown = set(summary.loc[summary["mean"].notna(), "metric"])
    rows = [
        (question, [by_name(n) for n in names if n in shown])
        for question, names in LAYOUT
        if shown & set(names)
    ]
    methods = [name for name in dict.fromkeys(summary["method"]) if name != "random"]
    segmentations = [str(name) for name in dict.fromkeys(summary["segmentation"])]
    height = 0.3 + 0.16 * len(methods) * max(1.0, len(segmentations) / 2)
    figure = new_figure(PAGE_WIDTH, 0.6 + (height + 0.42) * len(rows))
    grid = figure.subplots(len(rows), 3, squeeze=False)
    for axes, (question, metrics) in zip(grid, rows, strict=True):
        for axis, metric in zip(axes, metrics, strict=False):
            _panel(axis, metric, summary, pairs, methods, segmentations)
        for axis in axes[len(metrics) :]:
            axis.set_axis_off()
        for axis in axes[1:]:
            axis.set_yticklabels([])
        axes[0].set_ylabel(question, fontsize=6.5, fontweight="bold", labelpad=4)
    _legend(figure, segmentations)
    figure.tight_layout(pad=0.6, h_pad=0.9, w_pad=0.8, rect=(0, 0, 1, 1 - 0.38 / figure.get_figheight()))
    return to_png(figure)


def _panel(
    axis: Any,
    metric: Metric,
    summary: pd.DataFrame,
    pairs: pd.DataFrame,
    methods: list[str],
    segmentations: list[str],
) -> None:
    part = summary[(summary["metric"] == metric.name) & summary["mean"].notna()]
    for number, segmentation in enumerate(segmentations):
        colour = COLOURS[number % len(COLOURS)]
        rows = part[part["segmentation"] == segmentation].set_index("method")
        offset = (number - (len(segmentations) - 1) / 2) * 0.7 / max(len(segmentations), 2)
        for y, method in enumerate(methods):
            if method in rows.index:
                row = rows.loc[[method]].iloc[0]
                filled = bool(mark(pairs, segmentation, metric, method)) or not metric.tested
                _point(axis, row, y + offset, colour, filled)
        if "random" in rows.index and metric.tested:
            axis.axvline(rows.loc["random", "mean"], color=colour, linewidth=0.9, alpha=0.45, linestyle=":")
    axis.set_yticks(range(len(methods)), [title_of(name) for name in methods], fontsize=6)
    axis.set_ylim(len(methods) - 0.4, -0.6)
    _scale(axis, metric, part)
    axis.grid(axis="y", color="0.93", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=6, length=2)
    axis.spines[["top", "right"]].set_visible(False)


def _point(axis: Any, row: pd.Series, y: float, colour: str, filled: bool) -> None:
    if np.isfinite([row["low"], row["high"]]).all():
        axis.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=0.9)
    axis.plot(
        row["mean"],
        y,
        "o",
        markersize=3.4,
        color=colour,
        markerfacecolor=colour if filled else "white",
        markeredgewidth=0.8,
    )


def _scale(axis: Any, metric: Metric, part: pd.DataFrame) -> None:
    if metric.name in ("calls", "seconds"):
        from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
    if metric.better < 0:
        axis.invert_xaxis()
    direction = "" if metric.better > 0 else " (axis reversed)"
    axis.set_title(f"{metric.title}{direction}", fontsize=6.8, loc="left", pad=3)


def _legend(figure: Any, segmentations: list[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=COLOURS[i % len(COLOURS)], marker="o", markersize=3.4, linewidth=0.9, label=name)
        for i, name in enumerate(segmentations)
    ]
    handles += [
        Line2D([], [], color="0.3", marker="o", markersize=3.4, linewidth=0, label="differs from LIME"),
        Line2D(
            [],
            [],
            color="0.3",
            marker="o",
            markersize=3.4,
            linewidth=0,
            markerfacecolor="white",
            label="does not",
        ),
        Line2D([], [], color="0.3", linestyle=":", linewidth=0.9, label="random segments"),
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        ncols=len(handles),
        fontsize=6.5,
        frameon=False,
        title="Right is better in every panel. Means over targets, 95 % intervals over patients.",
        title_fontproperties={"size": 7, "weight": "bold"},
        alignment="left",
        borderaxespad=0.3,
    )
