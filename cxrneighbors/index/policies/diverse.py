"""Policy `diverse`: near in latent space, heterogeneous in findings (the paper's wish, section 3.1).

Maximal marginal relevance (Carbonell & Goldstein 1998) over the nearest rows, the pool. Let s(q, r) be
1 - d(q, r) / d_m, d_m the largest distance in the pool, and J the Jaccard overlap of two rows' findings. Rows
are taken one by one, each time

    argmax over r not in S of   LAMBDA * s(q, r) - (1 - LAMBDA) * max over t in S of J(r, t)

so the first is the nearest, and each further one is near while reading differently from those already taken.
The query's own findings play no part: a film without labels has neighbours too, and one of them may share the
target's disease.
"""

from __future__ import annotations

import numpy as np

from cxrneighbors.index.policies.nearest import nearest_pool
from cxrneighbors.index.request import Hits, Request

LAMBDA = 0.5
POOL = 10  # rows considered for each neighbour asked for


def diverse(request: Request, rng: np.random.Generator) -> Hits:
    """Rows chosen from the `POOL` * k nearest admitted ones; `rng` is not used."""
    pool = nearest_pool(request, POOL * request.k)
    columns = np.full((len(request), request.k), -1, dtype=np.int64)
    findings = request.store.studies["findings"]
    for query, rows in enumerate(pool.rows):
        near = rows[rows >= 0]
        similarity = relative_similarity(pool.distance[query, : len(near)].astype(np.float64))
        chosen = marginal_relevance(similarity, [set(findings.iloc[row]) for row in near], request.k)
        columns[query, : len(chosen)] = np.sort(chosen)
    return pool.take(columns)


def relative_similarity(distance: np.ndarray) -> np.ndarray:
    """s = 1 - d / d_max: float (M,) in [0, 1]; all 1 where every distance is 0.

    >>> relative_similarity(np.array([1.0, 2.0, 4.0])).tolist()
    [0.75, 0.5, 0.0]
    """
    largest = distance.max(initial=0.0)
    return np.ones_like(distance) if largest == 0 else 1 - distance / largest


def marginal_relevance(similarity: np.ndarray, findings: list[set[str]], k: int) -> list[int]:
    """Positions of at most k of M rows, greedily by the objective above; ties go to the first.

    >>> marginal_relevance(np.array([1.0, 0.9, 0.5]), [{"Mass"}, {"Mass"}, {"Edema"}], 2)
    [0, 2]
    """
    overlap = np.array([[jaccard(a, b) for b in findings] for a in findings])
    redundancy = np.zeros(len(findings))
    taken: list[int] = []
    while len(taken) < min(k, len(findings)):
        value = LAMBDA * similarity - (1 - LAMBDA) * redundancy
        value[taken] = -np.inf
        best = int(value.argmax())
        taken.append(best)
        redundancy = np.maximum(redundancy, overlap[best])
    return taken


def jaccard(a: set[str], b: set[str]) -> float:
    """|a ∩ b| / |a ∪ b|; two empty sets are alike: 1."""
    return len(a & b) / len(a | b) if a | b else 1.0
