"""What ROAR found, as tables: methods down, shares of the removed area across."""

from __future__ import annotations

from typing import Any

import numpy as np

from common.markdown import document, table

FILLS = {"mean": "the film's mean", "donor": "a healthy film's pixels"}


def against_random(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with `against_random`: AUROC less that of random segments, where these were asked for; and its
    standard error, by the differences of trainings with the same seed (NaN for one training)."""
    chance = {(row["fill"], row["share"]): row["auroc_by_seed"] for row in rows if row["method"] == "random"}
    found = []
    for row in rows:
        by_seed = np.array(row["auroc_by_seed"])
        less = by_seed - chance.get((row["fill"], row["share"]), np.full(len(by_seed), np.nan))
        error = less.std(ddof=1) / np.sqrt(len(less)) if len(less) > 1 else np.nan
        found.append({**row, "against_random": float(less.mean()), "standard_error": float(error)})
    return found


def report(summary: dict[str, Any]) -> str:
    """A table for each fill: methods down, shares across."""
    films, unchanged = summary["films"], summary["unchanged"]
    head = (
        f"Small-cnn trained anew on {films['train']} phantom films at {summary['image_size']} pixels, mean "
        f"AUROC on {films['test']} test films, {summary['seeds']} trainings: {unchanged['auroc']:.3f} with "
        "the films as they are. Below, without the segments that support the finding most, "
        f"{summary['calls']} films scored for an explanation; in brackets the difference to random segments, "
        "± its standard error over trainings. Low is good."
    )
    blocks, rows = [head], summary["rows"]
    for fill, words in FILLS.items():
        shares = sorted({row["share"] for row in rows})
        cells = {"method": "{title}"} | {
            f"{share:.0%}:": f"{{s{index}}}" for index, share in enumerate(shares)
        }
        lines = dict[str, dict[str, Any]]()
        for row in rows:
            if row["fill"] == fill:
                line = lines.setdefault(row["method"], {"title": row["title"]})
                cell = f"{row['auroc']:.3f}"
                if row["method"] != "random" and not np.isnan(row["against_random"]):
                    error = row["standard_error"]
                    cell += f" ({row['against_random']:+.3f}{'' if np.isnan(error) else f' ± {error:.3f}'})"
                line[f"s{shares.index(row['share'])}"] = cell
        blocks += [f"Filled with {words}:", table(cells, lines.values())]
    return document(*blocks)
