"""Targets to show, chosen by a stated rule, and the table of all neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.evaluation.graph import Method
from cxrneighbors.evaluation.score import Score

RULE = (
    "Targets are chosen by their lift, not by their looks: the highest, the median and the lowest of all "
    "scored targets; among equals, the smallest image_id."
)
COLUMNS = ("query_id", "rank", "neighbor_id", "distance", "image_distance", "report_distance", "method")


def choose_examples(score: Score, studies: pd.DataFrame) -> list[dict[str, Any]]:
    """The highest, median and lowest target by lift (`RULE`), without repeats.

    Dicts with keys rule, image_id, overlap, expected (mean overlap of its neighbours, and by chance).
    """
    rows = score.target_rows()
    ids = studies["image_id"].to_numpy(dtype=object)[rows]
    lift = np.round(score.lift, 12)  # equal sets give equal lifts up to the last bit
    by_id = np.argsort(ids.astype(str), kind="stable")
    order = by_id[np.argsort(-lift[by_id], kind="stable")]
    median = lift[order[(len(order) - 1) // 2]]
    lowest = lift[order[-1]]
    picks = [
        ("highest lift", order[0]),
        ("median lift", order[np.flatnonzero(lift[order] == median)[0]]),
        ("lowest lift", order[np.flatnonzero(lift[order] == lowest)[0]]),
    ]
    chosen: dict[str, dict[str, Any]] = {}
    for rule, which in picks:
        entry = {
            "rule": rule,
            "overlap": float(score.overlap[which]),
            "expected": float(score.expected[which]),
        }
        chosen.setdefault(str(ids[which]), {"image_id": str(ids[which]), **entry})
    return list(chosen.values())


def neighbor_table(index: Any, methods: dict[str, Method], scores: dict[str, Score], k: int) -> pd.DataFrame:
    """The K neighbours of every scored target by every method: the columns of `search`, and `method`.

    `distance` is in the method's own space (missing for random draws); `image_distance` and
    `report_distance` are the index's, missing where an image lacks the modality.
    """
    parts = [_method_table(index, methods[name], score, k) for name, score in scores.items()]
    return pd.concat(parts, ignore_index=True)


def _method_table(index: Any, method: Method, score: Score, k: int) -> pd.DataFrame:
    graph = score.graph
    queries = score.target_rows()
    found = graph.neighbor_rows()[score.scored, :k]
    apart = index.distances(queries, found)
    ids = index.studies["image_id"].to_numpy(dtype=object)
    table = pd.DataFrame(
        {
            "query_id": ids[np.repeat(queries, k)],
            "rank": np.tile(np.arange(1, k + 1), len(queries)),
            "neighbor_id": ids[found.reshape(-1)],
            "distance": graph.distances[score.scored, :k].reshape(-1).astype(np.float32),
            "image_distance": _column(apart, "image", found),
            "report_distance": _column(apart, "report", found),
            "method": method.name,
        }
    )
    return table[list(COLUMNS)]


def _column(apart: dict[str, np.ndarray], part: str, found: np.ndarray) -> np.ndarray:
    values = apart.get(part)
    if values is None:
        return np.full(found.size, np.nan, dtype=np.float32)
    return values.reshape(-1).astype(np.float32)
