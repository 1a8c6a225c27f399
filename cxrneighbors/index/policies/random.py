"""Policy `random`: admitted rows drawn by lot, rows of a unit that was drawn already skipped."""

from __future__ import annotations

import numpy as np

from cxrneighbors.index.filters import kept_first
from cxrneighbors.index.request import Hits, Request, rank

ROUNDS = 8


def random(request: Request, rng: np.random.Generator) -> Hits:
    """Rows drawn from those that have the modality and are admitted.

    The first k different admitted rows of a stream of uniform draws are a uniform sample without replacement;
    the first k of different units are those that would be nearest if distances were noise.
    """
    rows = np.full((len(request), request.k), -1, dtype=np.int64)
    for which, mask in request.admission.groups():
        pool = request.candidates if mask is None else request.candidates[mask[request.candidates]]
        rows[which] = _draw(request.take(which), pool, rng)
    return rank(request, rows)


def _draw(request: Request, pool: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw for queries that share a filter from the rows `pool` int64 (n,) that pass it."""
    n_queries, k = len(request), request.k
    drawn = np.full((n_queries, 0), -1, dtype=np.int64)
    complete = np.zeros(n_queries, dtype=bool)
    if len(pool) > 4 * k:
        for _ in range(ROUNDS):
            fresh = pool[rng.integers(len(pool), size=(n_queries, 2 * k + 4))]
            fresh[~request.admission.passes(np.arange(n_queries), fresh)] = -1
            stream = np.concatenate([drawn, fresh], axis=1)
            drawn = kept_first(stream, request.admission.firsts(stream), k)
            complete = np.asarray((drawn >= 0).all(axis=1))
            if complete.all():
                return drawn
    rows = np.pad(drawn, ((0, 0), (0, k - drawn.shape[1])), constant_values=-1)
    for query in np.flatnonzero(~complete):
        # Keeps what was drawn and goes on with a permutation of the rest: the same stream, without repeats.
        have = rows[query][rows[query] >= 0]
        rest = np.setdiff1d(request.admission.admitted(int(query), pool), have, assume_unique=True)
        stream = np.concatenate([have, rng.permutation(rest)])[None]
        taken = kept_first(stream, request.admission.firsts(stream), k)[0]
        rows[query, : len(taken)] = taken
    return rows
