"""Figure 5: how many of the K neighbours share a finding with the target, against random neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from cxrneighbors.evaluation.evaluate import OverlapResult
from cxrneighbors.evaluation.wording import interval, p_text, percent, points, title_of
from cxrneighbors.figures import BLUE, COLUMN_WIDTH, RED, new_figure, to_png

PANEL_HEIGHT = 2.6
SHARING = {"exact": "with the same findings", "any-disease": "sharing a disease"}


def draw_figure5(result: OverlapResult) -> bytes:
    """PNG bytes of one panel per index method: overlapping histograms, neighbours blue, random red.

    x: number of the K neighbours that share a finding (0..K); y: number of targets. The red counts are the
    exact expectation under random choice, not one draw. The paper has the image panel (section 4.1.1).
    """
    methods = result.main_methods()
    figure = new_figure(COLUMN_WIDTH, PANEL_HEIGHT * len(methods) + 0.1)
    axes = figure.subplots(len(methods), 1, squeeze=False)[:, 0]
    for axis, name in zip(axes, methods, strict=True):
        _panel(axis, name, result.summary)
    figure.tight_layout(pad=0.6, h_pad=1.2)
    return to_png(figure)


def _panel(axis: Any, name: str, summary: dict[str, Any]) -> None:
    row, k, title = summary["methods"][name], summary["k"], title_of(name, summary)
    x = np.arange(k + 1)
    bars = {"width": 0.92, "linewidth": 0.9}
    axis.bar(x, row["histogram"], color=BLUE, alpha=0.55, edgecolor=BLUE, label="nearest", **bars)
    axis.bar(x, row["random_histogram"], color=RED, alpha=0.4, edgecolor=RED, label="random", **bars)
    axis.set_title(
        f"Neighbours by {title[0].lower()}{title[1:]}\n{_numbers(row)}",
        fontsize=7.5,
        loc="left",
        linespacing=1.35,
    )
    one_each = "" if summary["one_per"] == "image" else f", one per {summary['one_per']},"
    axis.set_xlabel(
        f"neighbours out of {k}{one_each} {SHARING.get(summary['definition'], 'sharing a finding')}",
        fontsize=7.5,
    )
    axis.set_ylabel("target images", fontsize=7.5)
    axis.set_xticks(x if k <= 12 else np.arange(0, k + 1, max(1, round(k / 8))))
    axis.tick_params(labelsize=7)
    axis.set_ylim(0, 1.28 * max(*row["histogram"], *row["random_histogram"]))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=7, frameon=False, loc="upper right", ncols=2, borderaxespad=0.1)


def _numbers(row: dict[str, Any]) -> str:
    return (
        f"overlap {percent(row['mean_overlap'])}, by chance {percent(row['random_overlap'])}\n"
        f"lift {points(row['lift'])} points (95 % CI {interval(row['lift_ci95'])})\n"
        f"exchanged {points(row['null_mean_lift'])}, corrected {p_text(row['p_value_adjusted'])}"
    )
