"""Figure 5: how many of the K neighbours share a finding with the target, against random neighbours."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxrneighbors.evaluation.disagreement import short_reason
from cxrneighbors.evaluation.evaluate import OverlapResult
from cxrneighbors.evaluation.wording import NBSP, by, interval, p_text, percent, points
from cxrneighbors.figures import BLUE, ORANGE, PAGE_WIDTH, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANEL_HEIGHT, LINE = 2.1, 0.14  # inches: without its title, a line of it
BESIDE, CHARACTER = 0.5, 0.0525  # inches: left of an axis, a letter of its title
TITLE = 7.0  # points
SHARING = {"exact": "with the same findings", "any-disease": "sharing a disease"}


def draw_figure5(result: OverlapResult, width: float = PAGE_WIDTH) -> Figure:
    """A panel per index method, side by side on a page, one above the other in a column.

    x: number of the K neighbours that share a finding (0..K); y: number of targets. Blue: nearest neighbours;
    hatched orange: the exact expectation under random choice, not one draw. The paper has the image panel
    (section 4.1.1), in blue and red.
    """
    methods = result.main_methods()
    across = len(methods) if width >= PAGE_WIDTH else 1
    characters = int((width / across - BESIDE) / CHARACTER)
    titles = [_title(name, result.summary, characters) for name in methods]
    height = PANEL_HEIGHT + LINE * max(title.count("\n") + 1 for title in titles)
    figure = new_figure(width, height * (1 if across > 1 else len(methods)), constrained=True)
    axes = figure.subplots(1, across) if across > 1 else figure.subplots(len(methods), 1)
    for axis, name, title in zip(np.atleast_1d(axes), methods, titles, strict=True):
        _panel(axis, name, result.summary)
        axis.set_title(title, fontsize=TITLE, loc="left", linespacing=1.35)
    return figure


def figure5_table(result: OverlapResult) -> pd.DataFrame:
    """The numbers of Figure 5: a row per method and number of neighbours that share a finding."""
    rows = [
        {"method": name, "sharing_neighbours": sharing, "targets": nearest, "targets_at_random": random}
        for name in result.main_methods()
        for sharing, (nearest, random) in enumerate(
            zip(
                result.summary["methods"][name]["histogram"],
                result.summary["methods"][name]["random_histogram"],
                strict=True,
            )
        )
    ]
    return pd.DataFrame(rows)


def _panel(axis: Any, name: str, summary: dict[str, Any]) -> None:
    row, k = summary["methods"][name], summary["k"]
    x = np.arange(k + 1)
    axis.bar(x, row["histogram"], width=0.92, color=BLUE, alpha=0.6, edgecolor=BLUE, label="nearest")
    axis.bar(
        x, row["random_histogram"], width=0.92, fill=False, edgecolor=ORANGE, hatch="////", label="random"
    )
    one_each = "" if summary["one_per"] == "image" else f", one per {summary['one_per']},"
    shared = SHARING.get(summary["definition"], "sharing a finding")
    axis.set_xlabel(f"neighbours out of {k}{one_each}\n{shared}", fontsize=7.5)
    axis.set_ylabel("target images", fontsize=7.5)
    axis.set_xticks(x if k <= 12 else np.arange(0, k + 1, max(1, round(k / 8))))
    axis.tick_params(labelsize=7)
    axis.set_ylim(0, 1.22 * max(*row["histogram"], *row["random_histogram"]))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=7, frameon=False, loc="upper right", ncols=2, borderaxespad=0.1)


def _title(name: str, summary: dict[str, Any], characters: int) -> str:
    row = summary["methods"][name]
    lines = [
        by(name, summary),
        f"overlap {percent(row['mean_overlap'])}, by chance {percent(row['random_overlap'])}",
        f"lift {points(row['lift'])} points " + f"(95 % CI {interval(row['lift_ci95'])})".replace(" ", NBSP),
        f"exchanged {points(row['null_mean_lift'])}, corrected {p_text(row['p_value_adjusted'])}",
        *filter(None, [short_reason(row)]),
    ]
    return "\n".join(part for line in lines for part in textwrap.wrap(line, characters))
