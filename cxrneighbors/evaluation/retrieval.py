"""Retrieval metrics: precision at k and mean average precision over ranked neighbours.

A neighbour is relevant when its overlap with the target is above 0 under the chosen definition.
"""

from __future__ import annotations

import numpy as np

PRECISION_AT = (1, 3, 5, 10)
AP_DEPTH = 20


def precision_at(relevant: np.ndarray, k: int) -> np.ndarray:
    """Share of the k nearest that are relevant: float64 (T,). relevant: bool (T, R), R >= k."""
    return np.asarray(relevant[:, :k].mean(axis=1))


def average_precision(relevant: np.ndarray, found: np.ndarray | None = None) -> np.ndarray:
    """Average precision over the R nearest: float64 (T,) in [0, 1].

    AP = mean of P@j over the ranks j <= R that hold a relevant neighbour, 0 if none does. Only what was
    retrieved enters (as with a cut-off R in ranked retrieval): it rewards relevant neighbours in front.
    relevant: bool (T, R); found: bool (T, R), False where fewer than R neighbours exist.

    >>> average_precision(np.array([[True, False, True, False]])).round(4).tolist()
    [0.8333]
    """
    relevant = relevant if found is None else relevant & found
    rank = np.arange(1, relevant.shape[1] + 1)
    precision = np.cumsum(relevant, axis=1) / rank
    hits = relevant.sum(axis=1)
    return np.where(hits > 0, (precision * relevant).sum(axis=1) / np.maximum(hits, 1), 0.0)


def retrieval_scores(relevant: np.ndarray, found: np.ndarray) -> dict[str, float | int | None]:
    """P@1, P@3, P@5, P@10 and mAP@20 over targets (None where no target has that many neighbours).

    relevant, found: bool (T, R). P@k is averaged over the targets with at least k neighbours.
    """
    scores: dict[str, float | int | None] = {}
    depth = relevant.shape[1]
    for k in PRECISION_AT:
        enough = found[:, k - 1] if k <= depth else np.zeros(len(found), dtype=bool)
        scores[f"p_at_{k}"] = float(precision_at(relevant[enough], k).mean()) if enough.any() else None
    used = min(depth, AP_DEPTH)
    precision = average_precision(relevant[:, :used], found[:, :used])
    scores["map"] = float(precision.mean()) if len(precision) else None
    scores["map_depth"] = used
    return scores
