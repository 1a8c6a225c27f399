"""The benchmark's table for readers, in Markdown."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cxrneighbors.explain.quality.method_spec import title_of
from cxrneighbors.explain.quality.metrics import METRICS, Metric
from cxrneighbors.explain.quality.summary import LEVEL, compare

ARROWS = {1: "↑", -1: "↓"}


def markdown_tables(summary: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """One table for each segmentation: methods down, metrics across, the best of each column in bold.

    ▲ and ▼: better or worse than LIME, with Holm-adjusted p < 0.05 of the paired test over patients. Random
    segments compete for no bold figure, nor do cost and a method's own fidelity give one.
    """
    parts = []
    for segmentation, part in summary.groupby("segmentation", sort=False):
        counts = f"{part['n_targets'].max()} targets of {part['n_patients'].max()} patients"
        parts.append(f"**{segmentation}**, {counts}\n\n{_table(part, pairs, str(segmentation))}")
    note = (
        "↑ high is good, ↓ low is good. Like shuffled model: |rank correlation| of the map with the shuffled "
        "model's; more than random segments have is bad. ▲ better, ▼ worse than LIME: paired t test "
        "with patients as the unit, Holm-adjusted p < 0.05. Bold: best of the methods."
    )
    return "\n\n".join([*parts, note]) + "\n"


def table_cells(part: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of one segmentation's summary as texts: methods down, known measures across."""
    means = part.pivot(index="method", columns="metric", values="mean")
    shown = [metric for metric in METRICS if means[metric.name].notna().any()]
    headers = ["method", *(f"{metric.title} {ARROWS[metric.better]}" for metric in shown)]
    rows = [
        [title_of(method), *(_cell(means[metric.name], method, metric).strip("*") for metric in shown)]
        for method in part["method"].unique()
    ]
    return headers, rows


def _table(part: pd.DataFrame, pairs: pd.DataFrame, segmentation: str) -> str:
    means = part.pivot(index="method", columns="metric", values="mean")
    shown = [metric for metric in METRICS if means[metric.name].notna().any()]
    lines = [
        "| method | " + " | ".join(f"{metric.title} {ARROWS[metric.better]}" for metric in shown) + " |",
        "|---|" + "---:|" * len(shown),
    ]
    for method in part["method"].unique():
        cells = [
            _cell(means[metric.name], method, metric) + mark(pairs, segmentation, metric, method)
            for metric in shown
        ]
        lines.append(f"| {title_of(method)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def mark(pairs: pd.DataFrame, segmentation: str, metric: Metric, method: str) -> str:
    """' ▲' or ' ▼' where `method` differs from LIME beyond chance, else ''."""
    difference, p = compare(pairs, segmentation, metric.name, method, "lime")
    if not p < LEVEL:
        return ""
    return " ▲" if difference * metric.better > 0 else " ▼"


def _cell(means: pd.Series, method: str, metric: Metric) -> str:
    value, others = means[method], means.drop("random", errors="ignore")
    if np.isnan(value):
        return "–"
    text = {"calls": f"{value:,.0f}", "seconds": f"{value:.2f}"}.get(metric.name, f"{value:.3f}")
    best = others.max() if metric.better > 0 else others.min()
    return f"**{text}**" if metric.ranked and value == best else text
