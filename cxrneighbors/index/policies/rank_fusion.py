"""Reciprocal rank fusion: nearest by the ranks in two lists instead of by the sum of two distances.

    score(r) = Σ over image, report of  w / (RANK_OFFSET + rank of r by it)

(Cormack, Clarke & Büttcher 2009, section 2.) How far apart two films lie plays no part, only how many lie
nearer, so no scale of a modality can outweigh the other's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cxrneighbors.index.filters import kept_first
from cxrneighbors.index.fusion import VECTOR_MODALITIES
from cxrneighbors.index.policies.nearest import nearest
from cxrneighbors.index.request import Hits, Request

RANK_OFFSET = 60
DEPTH = 1000  # length of a list; a row that is not in it, or lacks the modality, gets nothing from it


def rank_fusion(request: Request, rng: np.random.Generator) -> Hits:
    """The k admitted rows of highest score for each query of a fused request; `rng` is not used.

    Their distance is 1 - score / the score of a row that is first in both lists: in [0, 1).
    """
    hits = _fused(request, DEPTH)
    short = (hits.rows < 0).any(axis=1)  # few units in the lists: they take all rows then
    if request.admission.units is not None and short.any():
        which = np.flatnonzero(short)
        longer = _fused(request.take(which), len(request.candidates))
        hits.rows[which], hits.distance[which] = longer
    return hits


def _fused(request: Request, depth: int) -> Hits:
    scale = request.store.scale
    weights = {name: request.factors[name] * scale[name] for name in VECTOR_MODALITIES}
    lists = [_ranked(request, name, 1 / scale[name], depth) for name in VECTOR_MODALITIES]
    gains = [
        np.tile(weights[name] / (RANK_OFFSET + 1.0 + np.arange(rows.shape[1])), (len(rows), 1))
        for name, rows in zip(VECTOR_MODALITIES, lists, strict=True)
    ]
    rows, scores = summed(np.concatenate(lists, axis=1), np.concatenate(gains, axis=1))
    best = sum(weights.values()) / (RANK_OFFSET + 1.0)
    distance = np.where(rows < 0, np.nan, 1 - scores / best).astype(np.float32)
    # Rows ascend within a line, so a stable sort breaks ties by row; NaN (no row) sorts last.
    order = np.argsort(distance, axis=1, kind="stable")
    firsts = request.admission.firsts(np.take_along_axis(rows, order, axis=1))
    return Hits(rows, distance).take(kept_first(order, firsts, request.k))


def summed(rows: np.ndarray, gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gains float64 (Q, C) of a line's equal rows int64 (Q, C) added up, at the row's first place.

    Rows come back ascending, -1 where a repetition was; gains of -1 mean nothing.

    >>> [values.tolist() for values in summed(np.array([[5, 3, 5]]), np.array([[1.0, 2.0, 4.0]]))]
    [[[3, 5, -1]], [[2.0, 5.0, 4.0]]]
    """
    order = np.argsort(rows, axis=1, kind="stable")
    rows, gains = np.take_along_axis(rows, order, axis=1), np.take_along_axis(gains, order, axis=1)
    repeated = rows[:, 1:] == rows[:, :-1]  # a row is in at most two lists
    gains[:, :-1] += np.where(repeated, gains[:, 1:], 0.0)
    return np.concatenate([rows[:, :1], np.where(repeated, -1, rows[:, 1:])], axis=1), gains


def _ranked(request: Request, name: str, factor: float, depth: int) -> np.ndarray:
    """The nearest admitted rows by one modality, of any unit: int64 (Q, <= depth), at least k columns."""
    depth = max(request.k, min(depth, len(request.store.spaces[name].rows)))
    of_films = replace(request.admission, units=None)
    asked = replace(request, k=depth, modality=name, factors={name: factor}, admission=of_films)
    return nearest(asked).rows
