"""report.html of a benchmark of explanations: the answers in sentences, films, figure, tables, method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.evaluation.disagreement import paired_reason
from cxrneighbors.evaluation.wording import p_cell, p_text, percent
from cxrneighbors.explain.page import readable
from cxrneighbors.explain.quality.examples import RULE, Example
from cxrneighbors.explain.quality.method_spec import title_of
from cxrneighbors.explain.quality.metrics import METRICS, Metric
from cxrneighbors.explain.quality.summary import LEVEL, compare
from cxrneighbors.files import plain
from cxrneighbors.pages.page import film_uri, render, svg_uri

TEMPLATE = Path(__file__).parent / "templates" / "report.html"
BY_NAME = {metric.name: metric for metric in METRICS}
# The questions that a reader comes with, the first known measure of each answers.
QUESTIONS = {
    "Does it point at the finding?": ("pointing", "in_lungs"),
    "Is it true of the classifier?": ("held_out", "donor_deletion", "deletion"),
    "Does it come out the same again?": ("seed_jaccard",),
}
SHARES = ("pointing", "in_lungs", "seed_jaccard")  # said in per cent
PLAIN = {
    "pointing": "Of {best}'s strongest area, {mean} lies on the finding",
    "in_lungs": "Of {best}'s evidence, {mean} lies in the lungs",
    "held_out": "{best} tells best how films masked otherwise score: correlation {mean}",
    "donor_deletion": "Where real films replace what {best} names, the score falls fastest: area {mean}",
    "deletion": "When what {best} names first turns grey, the score falls fastest: area {mean}",
    "seed_jaccard": "With another seed, {best} names {mean} of the same top segments",
}


def render_page(
    result: Mapping[str, Any],
    examples: Sequence[Example],
    settings: Mapping[str, Any],
    figure: tuple[bytes, bytes],
) -> str:
    """The page as HTML. `result`: benchmark.json; `settings`: name to value, as they are shown; `figure`:
    SVG, two columns wide and one."""
    summary, pairs = _frame(result["summary"], 3), _frame(result["pairs"], 4)
    segmentations = list(dict.fromkeys(summary["segmentation"]))
    return render(
        TEMPLATE,
        {"percent": percent, "p_cell": p_cell, "readable": readable},
        r=result,
        answers=[
            answer
            for question, names in QUESTIONS.items()
            if (answer := _answer(summary, pairs, segmentations[0], question, names))
        ],
        segmentations=segmentations,
        first=segmentations[0],
        examples=[_shown(example) for example in examples],
        rule=RULE,
        figure={"wide": svg_uri(figure[0]), "narrow": svg_uri(figure[1])},
        metrics={name: _known(summary, name) for name in segmentations},
        rows={name: _rows(summary, pairs, name) for name in segmentations},
        pairs=_pair_rows(pairs),
        reasons=_reasons(pairs),
        title=title_of,
        settings=[(name.replace("_", " "), _text(value)) for name, value in settings.items()],
    )


def _frame(rows: list[dict[str, Any]], names: int) -> pd.DataFrame:
    """Rows of benchmark.json as they were before: all but the first `names` columns are numbers."""
    table = pd.DataFrame(rows)
    return table.assign(**{name: pd.to_numeric(table[name]) for name in table.columns[names:]})


def _answer(
    summary: pd.DataFrame, pairs: pd.DataFrame, segmentation: str, question: str, names: tuple[str, ...]
) -> dict[str, str] | None:
    """The question, the best method's answer to it, and whom it beats; None where nothing is known."""
    part = summary[(summary["segmentation"] == segmentation) & summary["mean"].notna()]
    known = [name for name in names if (part["metric"] == name).any()]
    if not known:
        return None
    metric = BY_NAME[known[0]]
    values = part[part["metric"] == metric.name].set_index("method")
    ordered = values.drop("random", errors="ignore").sort_values("mean", ascending=metric.better < 0)
    if ordered.empty:
        return None
    best, row = str(ordered.index[0]), ordered.iloc[0]
    say = percent if metric.name in SHARES else "{:.2f}".format
    ends = "" if pd.isna(row["low"]) else f" (95 % CI {say(row['low'])} to {say(row['high'])})"
    sentence = PLAIN[metric.name].format(best=title_of(best), mean=say(row["mean"])) + ends
    if "random" in values.index:
        sentence += f"; random segments: {say(float(values['mean'].loc['random']))}"
        _, p = compare(pairs, segmentation, metric.name, best, "random")
        sentence += "" if pd.isna(p) else f", corrected {p_text(p)}"
    return {
        "question": question,
        "sentence": f"{sentence}.",
        "others": _others(pairs, segmentation, metric, ordered),
    }


def _others(pairs: pd.DataFrame, segmentation: str, metric: Metric, ordered: pd.DataFrame) -> str:
    best, *others = map(str, ordered.index)
    p_of = {other: compare(pairs, segmentation, metric.name, best, other)[1] for other in others}
    beaten = [title_of(other) for other, p in p_of.items() if p < LEVEL]
    tied = [title_of(other) for other, p in p_of.items() if not p < LEVEL]
    said = [f"Better than {', '.join(beaten)}."] if beaten else []
    return " ".join([*said, *([f"Not told apart from {', '.join(tied)}."] if tied else [])])


def _known(summary: pd.DataFrame, segmentation: str) -> list[Metric]:
    part = summary[(summary["segmentation"] == segmentation) & summary["mean"].notna()]
    return [metric for metric in METRICS if metric.name in set(part["metric"])]


def _rows(summary: pd.DataFrame, pairs: pd.DataFrame, segmentation: str) -> list[dict[str, Any]]:
    """A row a method: of each known measure the mean, its interval, and whether it differs from LIME."""
    part = summary[summary["segmentation"] == segmentation]
    rows = []
    for method, lines in part.groupby("method", sort=False):
        means = lines.set_index("metric")
        cells = []
        for metric in _known(summary, segmentation):
            value = means.loc[metric.name] if metric.name in means.index else None
            mean = None if value is None or pd.isna(value["mean"]) else float(value["mean"])
            difference, p = compare(pairs, segmentation, metric.name, str(method), "lime")
            better = p < LEVEL and ("▲" if difference * metric.better > 0 else "▼")
            cells.append({"mean": mean, "text": _figure(metric, mean), "mark": better or ""})
        rows.append({"method": str(method), "cells": cells})
    return rows


def _figure(metric: Metric, mean: float | None) -> str:
    if mean is None:
        return "–"
    return {"calls": f"{mean:,.0f}", "seconds": f"{mean:.2f}"}.get(metric.name, f"{mean:.3f}")


def _pair_rows(pairs: pd.DataFrame) -> list[dict[str, Any]]:
    """The paired differences that concern LIME, or whose corrected p-value is below the level."""
    rows = []
    for row in plain(pairs[pairs["difference"].notna()].to_dict(orient="records")):
        told = row["p_holm"] is not None and row["p_holm"] < LEVEL
        if told or "lime" in (row["first"], row["second"]):
            odd = paired_reason([row["low"], row["high"]], row["p"], row["p_holm"])
            rows.append(row | {"metric": BY_NAME[row["metric"]].title, "odd": odd})
    return rows


def _reasons(pairs: pd.DataFrame) -> list[tuple[str, str]]:
    odd = [row for row in _pair_rows(pairs) if row["odd"]]
    if not odd:
        return []
    return [
        (
            f"{len(odd)} rows",
            "the interval is of one comparison; p is corrected by Holm for all pairs of "
            "methods in that measure and segmentation. Before the correction these p are below 0.05.",
        )
    ]


def _shown(example: Example) -> dict[str, Any]:
    maps = {title_of(name): film_uri(picture) for name, picture in example.maps.items()}
    return {
        "image_id": example.image_id,
        "finding": readable(example.finding),
        "score": f"{example.score:.2f}",
        "film": film_uri(example.film),
        "maps": maps,
    }


def _text(value: Any) -> str:
    return "none" if value is None else str(value)
