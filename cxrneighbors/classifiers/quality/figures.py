"""Confusion matrix (Figure 3 of LIME-RAY) and reliability diagram, as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.figures import BLUE, COLUMN_WIDTH, GREEN, GREY, RED, new_figure, to_png

COLOURS = (BLUE, RED, GREEN, "#b06f00", "#6b3fa0", GREY)
TEXT, SMALL = 8.0, 7.0  # points


def class_name(label: str) -> str:
    """What a class is called in a figure: 'Normal' for "No Finding", as in the paper."""
    return "Normal" if label == NO_FINDING else label.replace("_", " ")


def confusion_png(confusion: np.ndarray, labels: Sequence[str], title: str = "") -> bytes:
    """The confusion matrix int (C, C), rows true, each cell with its share of the row and its count."""
    counts = np.asarray(confusion)
    totals = counts.sum(1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    figure = new_figure(COLUMN_WIDTH, 0.88 * COLUMN_WIDTH, constrained=True)
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
    return to_png(figure)


def reliability_png(models: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Accuracy against confidence, one line a model; below, how many images fall into each bin.

    `models`: name: what `assess.assess` returned (its `reliability`, `ece`).
    """
    figure = new_figure(COLUMN_WIDTH, 1.25 * COLUMN_WIDTH, constrained=True)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle="--")
    upper.text(0.03, 0.06, "well calibrated", size=SMALL, color="0.4", rotation=52, rotation_mode="anchor")
    for number, (name, result) in enumerate(models.items()):
        colour = COLOURS[number % len(COLOURS)]
        bins = result["reliability"]
        counts = np.array(bins["counts"])
        filled = counts > 0
        # None, of empty bins, becomes NaN.
        x, y = (np.array(bins[name], dtype=float)[filled] for name in ("confidence", "accuracy"))
        upper.plot(x, y, color=colour, linewidth=0.7, alpha=0.6)
        sizes = 4 + 60 * counts[filled] / max(1, counts.sum())
        upper.scatter(x, y, s=sizes, color=colour, label=f"{name}, ECE {result['ece']:.3f}", zorder=3)
        lower.stairs(counts / max(1, counts.sum()), bins["edges"], color=colour, linewidth=1)
    upper.set_ylabel("share right", size=TEXT)
    upper.set_ylim(-0.02, 1.02)
    handles, names = upper.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=2, fontsize=SMALL, frameon=False)
    lower.set_ylabel("share of\nimages", size=TEXT)
    lower.set_xlabel("confidence: probability of the predicted class", size=TEXT)
    lower.set_xlim(0, 1.01)
    for axes in (upper, lower):
        axes.tick_params(labelsize=SMALL)
        axes.spines[["top", "right"]].set_visible(False)
    return to_png(figure)
