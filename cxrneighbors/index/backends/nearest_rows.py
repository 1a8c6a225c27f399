"""The nearest rows of each query, kept while blocks of distances pass by: one loop, compiled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxrneighbors.compiled import compiled

NONE = -1


@dataclass(frozen=True)
class NearestRows:
    """For each of Q queries the m nearest units seen so far, and the nearest rows of each.

    unit: int64 (Q, m), nearest first, -1 for none; distance: float32 (Q, m, s), rising along s, infinite for
    none; row: int64 (Q, m, s), -1 for none. Of a unit's rows the nearest is there for sure, others where they
    are nearer than the last unit. Where each row counts for itself, it is its own unit and s is 1.
    """

    unit: np.ndarray
    distance: np.ndarray
    row: np.ndarray

    @classmethod
    def none(cls, n_queries: int, m: int, s: int) -> NearestRows:
        """Nothing seen yet."""
        return cls(
            np.full((n_queries, m), NONE, dtype=np.int64),
            np.full((n_queries, m, s), np.inf, dtype=np.float32),
            np.full((n_queries, m, s), NONE, dtype=np.int64),
        )

    def see(
        self,
        which: slice,
        distances: np.ndarray,
        rows: np.ndarray,
        units: np.ndarray,
        keys: np.ndarray,
        query_keys: np.ndarray,
    ) -> None:
        """Take the `distances` float32 (q, n) of the queries `which` to `rows` int64 (n,) into account.

        units, keys: int64 (n,), of these rows; query_keys: int64 (q,): rows with the query's key are passed
        over. No row may be seen twice. Of equal distances the one seen first counts.
        """
        _see(
            distances,
            rows,
            units,
            keys,
            query_keys,
            self.unit[which],
            self.distance[which],
            self.row[which],
        )


STRIDE = 64


@compiled
def _see(
    distances: np.ndarray,
    rows: np.ndarray,
    units: np.ndarray,
    keys: np.ndarray,
    query_keys: np.ndarray,
    kept: np.ndarray,
    distance: np.ndarray,
    row: np.ndarray,
) -> None:
    last = kept.shape[1] - 1
    for query in range(len(distances)):
        line = distances[query]
        for start in range(0, len(line), STRIDE):
            stop, farthest, near = min(start + STRIDE, len(line)), distance[query, last, 0], np.int32(0)
            if stop - start == STRIDE:  # vectorised for this length, and nearly all strides end here
                stride = line[start:stop]
                for j in range(STRIDE):
                    near += np.int32(stride[j] < farthest)
                if near == 0:
                    continue
            for j in range(start, stop):
                value = line[j]
                if value < distance[query, last, 0] and keys[j] != query_keys[query]:
                    # The place of the row's unit, else the last, whose unit gives way.
                    place = 0
                    while place < last and kept[query, place] != units[j]:
                        place += 1
                    if kept[query, place] != units[j]:
                        kept[query, place] = units[j]
                        distance[query, place] = np.inf
                        row[query, place] = NONE
                    _insert(distance[query, place], row[query, place], value, rows[j])
                    while place > 0 and distance[query, place, 0] < distance[query, place - 1, 0]:
                        _swap(kept[query], distance[query], row[query], place)
                        place -= 1


@compiled
def _insert(distance: np.ndarray, row: np.ndarray, value: float, new: int) -> None:
    """Put a row among those of its unit, the farthest gives way."""
    place = len(distance) - 1
    if value >= distance[place]:
        return
    while place > 0 and value < distance[place - 1]:
        distance[place], row[place] = distance[place - 1], row[place - 1]
        place -= 1
    distance[place], row[place] = value, new


@compiled
def _swap(kept: np.ndarray, distance: np.ndarray, row: np.ndarray, place: int) -> None:
    """Exchange the units at `place` and before it."""
    before = place - 1
    kept[place], kept[before] = kept[before], kept[place]
    for i in range(distance.shape[1]):
        distance[place, i], distance[before, i] = distance[before, i], distance[place, i]
        row[place, i], row[before, i] = row[before, i], row[place, i]
