"""The benchmark in one picture: a panel a measure, right is better in all of them."""

from __future__ import annotations

import textwrap
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxrneighbors.explain.quality.method_spec import title_of
from cxrneighbors.explain.quality.metrics import METRICS, Metric
from cxrneighbors.explain.quality.tables import mark
from cxrneighbors.figures import PAGE_WIDTH, SERIES, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# One row of panels a question.
LAYOUT = (
    ("finds the lesion", ("pointing", "iou", "area_iou")),
    ("evidence lies there", ("energy", "in_lungs")),
    ("true: grey, blur", ("deletion", "insertion", "held_out")),
    ("true: real films", ("donor_deletion", "donor_insertion")),
    ("same answer again", ("seed_jaccard", "seed_rank", "across")),
    ("sane? cheap?", ("sanity", "calls", "seconds")),
    ("whatever the fill", ("fill_rank",)),
)
MARKERS = "osD^vP"
LABEL = 32  # letters of a line of a method's name
DECADES = 1.3  # beyond so many, ticks at powers of ten alone
Styles = dict[str, tuple[str, str]]  # of a segmentation: its colour and its marker


def draw_benchmark(summary: pd.DataFrame, pairs: pd.DataFrame, width: float = PAGE_WIDTH) -> Figure:
    """Means with 95 % intervals, methods down, segmentations in colours and markers.

    Filled: differs from LIME (Holm-adjusted p < 0.05); hollow: not told apart. Dotted line: random segments.
    A column's width has the first measure of each question only.
    """
    across = 3 if width >= PAGE_WIDTH else 1
    shown = set(summary.loc[summary["mean"].notna(), "metric"])
    known = [(question, [name for name in measures if name in shown]) for question, measures in LAYOUT]
    rows = [(question, measures[:across]) for question, measures in known if measures]
    methods = [name for name in summary["method"].unique() if name != "random"]
    styles = dict(zip(summary["segmentation"].unique(), zip(SERIES, MARKERS, strict=True), strict=False))
    names = [label_of(method) for method in methods]
    lines = max((name.count("\n") + 1 for name in names), default=1)
    height = 0.3 + len(methods) * max(0.16, 0.08 * len(styles), 0.03 + 0.1 * lines)
    head = 0.38 if across > 1 else 0.72
    figure = new_figure(width, 0.22 + head + (height + 0.42) * len(rows))
    grid = figure.subplots(len(rows), across, squeeze=False)
    for axes, (question, measures) in zip(grid, rows, strict=True):
        metrics = [metric for metric in METRICS if metric.name in measures]
        for axis, metric in zip(axes, metrics, strict=False):
            part = summary[(summary["metric"] == metric.name) & summary["mean"].notna()]
            _panel(axis, metric, part, pairs, methods, styles)
            axis.set_yticks(range(len(methods)), names, fontsize=6)
        for axis in axes[len(metrics) :]:
            axis.set_axis_off()
        for axis in axes[1:]:
            axis.set_yticklabels([])
        axes[0].set_ylabel(question, fontsize=6.5, fontweight="bold", labelpad=4)
    _legend(figure, styles, across)
    rect = (0, 0, 1, 1 - head / figure.get_figheight())
    figure.set_layout_engine("tight", pad=0.6, h_pad=0.9, w_pad=0.8, rect=rect)
    return figure


def label_of(method: str) -> str:
    """A method's title in lines of at most `LABEL` letters, where its words allow.

    That no counterfactual is looked for is left out: it changes calls, and no weight.
    """
    title = title_of(method).replace(", counterfactual=false", "")
    return textwrap.fill(title, LABEL, break_long_words=False, break_on_hyphens=False)


def _panel(
    axis: Any,
    metric: Metric,
    part: pd.DataFrame,
    pairs: pd.DataFrame,
    methods: list[str],
    styles: Styles,
) -> None:
    for number, (segmentation, (colour, marker)) in enumerate(styles.items()):
        rows = part[part["segmentation"] == segmentation].set_index("method")
        offset = (number - (len(styles) - 1) / 2) * 0.7 / max(len(styles), 2)
        for y, method in enumerate(methods):
            if method in rows.index:
                row = rows.loc[[method]].iloc[0]
                filled = bool(mark(pairs, segmentation, metric, method)) or not metric.tested
                _point(axis, row, y + offset, colour, marker, filled)
        if "random" in rows.index and metric.tested:
            axis.axvline(rows.loc["random", "mean"], color=colour, linewidth=0.9, alpha=0.45, linestyle=":")
    axis.set_ylim(len(methods) - 0.4, -0.6)
    _scale(axis, metric, part)
    axis.grid(axis="y", color="0.93", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=6, length=2)
    axis.spines[["top", "right"]].set_visible(False)


def _point(axis: Any, row: pd.Series, y: float, colour: str, marker: str, filled: bool) -> None:
    if np.isfinite([row["low"], row["high"]]).all():
        axis.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=0.9)
    face = colour if filled else "white"
    axis.plot(row["mean"], y, marker, markersize=3.4, color=colour, markerfacecolor=face, markeredgewidth=0.8)


def _scale(axis: Any, metric: Metric, part: pd.DataFrame) -> None:
    if metric.name in ("calls", "seconds"):
        from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

        axis.set_xscale("log")
        least, most = part["mean"].min(), part["mean"].max()
        wide = np.log10(most / least) > DECADES if least > 0 else True
        axis.xaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5)))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
    if metric.better < 0:
        axis.invert_xaxis()
    direction = "" if metric.better > 0 else "\n(axis reversed)"
    axis.set_title(f"{metric.title}{direction}", fontsize=6.8, loc="left", pad=3)


def _legend(figure: Any, styles: Styles, across: int) -> None:
    from matplotlib.lines import Line2D

    line = partial(Line2D, [], [], linewidth=0.9)
    point = partial(Line2D, [], [], color="0.3", marker="o", markersize=3.4, linewidth=0)
    handles = [
        *(line(color=c, marker=m, markersize=3.4, label=name) for name, (c, m) in styles.items()),
        point(label="differs from LIME"),
        point(label="does not", markerfacecolor="white"),
        line(color="0.3", linestyle=":", label="random segments"),
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        ncols=len(handles) if across > 1 else 2,
        fontsize=6.5,
        frameon=False,
        title="Right is better in every panel."
        + (" " if across > 1 else "\n")
        + "Means over targets, 95 % intervals over patients.",
        title_fontproperties={"size": 7, "weight": "bold"},
        alignment="left",
        borderaxespad=0.3,
    )
