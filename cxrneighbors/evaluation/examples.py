"""Targets to show, chosen by a stated rule, and the table of all neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.evaluation.score_table import ScoreTable
from cxrneighbors.index.neighbor_index import NeighborIndex

RULE = (
    "Targets are chosen by their lift, not by their looks: the highest, the median and the lowest of all "
    "scored targets; among equals, the smallest image_id."
)


def choose_examples(table: ScoreTable) -> list[dict[str, Any]]:
    """The highest, median and lowest target by lift (`RULE`), without repeats.

    Dicts with keys rule, image_id, overlap, expected (mean overlap of its neighbours, and by chance).
    """
    frame = table.frame[table.scored]
    lift = (frame["overlap"] - frame["expected"]).round(12)  # equal sets give equal lifts up to the last bit
    frame = frame.assign(lift=lift).sort_values(["lift", "image_id"], ascending=[False, True])
    chosen: dict[str, dict[str, Any]] = {}
    for rule, place in {"highest lift": 0, "median lift": (len(frame) - 1) // 2, "lowest lift": -1}.items():
        pick = frame[frame["lift"] == frame["lift"].iloc[place]].iloc[0]
        entry = {"rule": rule, "overlap": float(pick["overlap"]), "expected": float(pick["expected"])}
        chosen.setdefault(pick["image_id"], {"image_id": pick["image_id"], **entry})
    return list(chosen.values())


def neighbor_table(index: NeighborIndex, tables: dict[str, ScoreTable]) -> pd.DataFrame:
    """The K neighbours of every scored target by every method: the columns of `search`, and `method`.

    `distance` is in the method's own space (missing for random draws); `image_distance` and
    `report_distance` are the index's, missing where an image lacks the modality.
    """
    return pd.concat([_rows(index, name, table) for name, table in tables.items()], ignore_index=True)


def _rows(index: NeighborIndex, method: str, table: ScoreTable) -> pd.DataFrame:
    graph, k = table.graph, table.question.k
    queries, found = graph.pool[table.targets], graph.pool[table.nearest[table.scored]]
    apart = index.distances(queries, found)
    missing = np.full(found.shape, np.nan)
    ids = index.studies["image_id"].to_numpy(dtype=object)
    distances = {
        "distance": graph.distances[table.scored, :k],
        "image_distance": apart.get("image", missing),
        "report_distance": apart.get("report", missing),
    }
    return pd.DataFrame(
        {
            "query_id": ids[np.repeat(queries, k)],
            "rank": np.tile(np.arange(1, k + 1), len(queries)),
            "neighbor_id": ids[found.reshape(-1)],
            **{name: values.reshape(-1).astype(np.float32) for name, values in distances.items()},
            "method": method,
        }
    )
