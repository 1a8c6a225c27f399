"""Confusion matrix (Figure 3 of LIME-RAY) and reliability diagram, and the numbers in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.figures import COLUMN_WIDTH, SERIES, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = "osD^vP"
TEXT, SMALL = 8.0, 7.0  # points
WIDE = 5.2  # inches at most: wider, a matrix of few classes is mostly paper


def class_name(label: str) -> str:
    """What a class is called in a figure: 'Normal' for "No Finding", as in the paper."""
    return "Normal" if label == NO_FINDING else label.replace("_", " ")


def draw_confusion(
    confusion: np.ndarray, labels: Sequence[str], title: str = "", width: float = COLUMN_WIDTH
) -> Figure:
    """The confusion matrix int (C, C), rows true, each cell with its share of the row and its count."""
    counts = np.asarray(confusion)
    totals = counts.sum(1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    figure = new_figure(width, 0.88 * min(width, WIDE), constrained=True)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in range(len(counts)):
        for column in range(len(counts)):
            text = f"{shares[row, column]:.2f}\n({counts[row, column]})" if totals[row, 0] else "-"
            colour = "white" if shares[row, column] > 0.55 else "#222222"
            axes.text(column, row, text, ha="center", va="center", size=SMALL, color=colour)
    names = [class_name(label) for label in labels]
    axes.set_xticks(range(len(names)), names, size=SMALL, rotation=30, ha="right", rotation_mode="anchor")
    counted = [f"{name}\n(n = {int(total)})" for name, total in zip(names, totals[:, 0], strict=True)]
    axes.set_yticks(range(len(names)), counted, size=SMALL)
    axes.set_xlabel("predicted", size=TEXT)
    axes.set_ylabel("true", size=TEXT)
    axes.set_title(title, size=TEXT)
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    bar.set_label("share of the true class", size=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    return figure


def confusion_table(confusion: np.ndarray, labels: Sequence[str]) -> pd.DataFrame:
    """The matrix int (C, C) as a table: a row a true class, a column a predicted one."""
    names = [class_name(label) for label in labels]
    table = pd.DataFrame(np.asarray(confusion), columns=names)
    table.insert(0, "true", names)
    return table


def draw_reliability(models: Mapping[str, Mapping[str, Any]], width: float = COLUMN_WIDTH) -> Figure:
    """Accuracy against confidence, one line a model; below, how many images fall into each bin.

    `models`: name: what `assess.assess` returned (its `reliability`, `ece`).
    """
    figure = new_figure(width, 1.25 * min(width, 0.7 * WIDE), constrained=True)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle="--", label="well calibrated")
    for number, (name, result) in enumerate(models.items()):
        colour, bins = SERIES[number % len(SERIES)], result["reliability"]
        counts = np.array(bins["counts"])
        filled = counts > 0
        # None, of empty bins, becomes NaN.
        x, y = (np.array(bins[name], dtype=float)[filled] for name in ("confidence", "accuracy"))
        upper.plot(x, y, color=colour, linewidth=0.7, alpha=0.6)
        sizes = 4 + 60 * counts[filled] / max(1, counts.sum())
        shape, label = MARKERS[number % len(MARKERS)], f"{name}, ECE {result['ece']:.3f}"
        upper.scatter(x, y, s=sizes, color=colour, marker=shape, label=label, zorder=3)
        lower.stairs(counts / max(1, counts.sum()), bins["edges"], color=colour, linewidth=1)
    upper.set_ylabel("share right", size=TEXT)
    upper.set_ylim(-0.02, 1.02)
    handles, names = upper.get_legend_handles_labels()
    columns = 2 if width <= COLUMN_WIDTH else 4
    figure.legend(handles, names, loc="outside upper center", ncols=columns, fontsize=SMALL, frameon=False)
    lower.set_ylabel("share of\nimages", size=TEXT)
    lower.set_xlabel("confidence: probability of the predicted class", size=TEXT)
    lower.set_xlim(0, 1.01)
    for axes in (upper, lower):
        axes.tick_params(labelsize=SMALL)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def reliability_table(models: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The diagram's numbers: a row a model and bin, with its edges, images, confidence and accuracy."""
    rows = []
    for name, result in models.items():
        bins = result["reliability"]
        edges = zip(bins["edges"][:-1], bins["edges"][1:], strict=True)
        for (low, high), count, confidence, accuracy in zip(
            edges, bins["counts"], bins["confidence"], bins["accuracy"], strict=True
        ):
            rows.append((name, low, high, count, confidence, accuracy))
    return pd.DataFrame(rows, columns=["model", "from", "to", "images", "confidence", "accuracy"])
