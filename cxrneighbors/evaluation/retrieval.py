"""Retrieval metrics: precision at k and mean average precision over ranked neighbours.

A neighbour is relevant when its overlap with the target is above 0 under the chosen definition.
"""

from __future__ import annotations

import numpy as np

PRECISION_AT = (1, 3, 5, 10)
AP_DEPTH = 20


def average_precision(relevant: np.ndarray) -> np.ndarray:
    """Average precision over the R nearest: float64 (T,) in [0, 1].

    AP = mean of P@j over the ranks j <= R that hold a relevant neighbour, 0 if none does. Only what was
    retrieved enters (as with a cut-off R in ranked retrieval): it rewards relevant neighbours in front.
    relevant: bool (T, R), False where fewer than R neighbours exist.

    >>> average_precision(np.array([[True, False, True, False]])).round(4).tolist()
    [0.8333]
    """
    rank = np.arange(1, relevant.shape[1] + 1)
    precision = np.cumsum(relevant, axis=1) / rank
    hits = relevant.sum(axis=1)
    return np.where(hits > 0, (precision * relevant).sum(axis=1) / np.maximum(hits, 1), 0.0)


def retrieval_scores(relevant: np.ndarray, found: np.ndarray) -> dict[str, float | int | None]:
    """P@1, P@3, P@5, P@10 and mAP@20 over targets (None where no target has that many neighbours).

    relevant, found: bool (T, R). P@k is averaged over the targets with at least k neighbours.
    """
    scores: dict[str, float | int | None] = {}
    for k in PRECISION_AT:
        enough = found[:, k - 1 : k].any(axis=1)
        scores[f"p_at_{k}"] = float(relevant[enough, :k].mean()) if enough.any() else None
    nearest = (relevant & found)[:, :AP_DEPTH]
    scores["map"] = float(average_precision(nearest).mean()) if len(nearest) else None
    scores["map_depth"] = nearest.shape[1]
    return scores
