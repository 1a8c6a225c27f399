"""Policy `cluster`: neighbours from the query's agglomerative cluster (DLIME, Zafar and Khan 2019)."""

from __future__ import annotations

import numpy as np

from cxrneighbors.index.policies.pool import nearest_pool, scaled_vectors
from cxrneighbors.index.request import Request

MAX_CANDIDATES = 1000


def cluster(request: Request, rng: np.random.Generator) -> np.ndarray:
    """Rows int64 (Q, k) from each query's own cluster, nearest first; deterministic, `rng` is not used.

    Ward's tree over the query and its `MAX_CANDIDATES` nearest admitted rows is cut where the query's cluster
    first has k other members, see `cluster_neighbours`.
    """
    rows = np.full((len(request.queries), request.k), -1, dtype=np.int64)
    for query, pool in enumerate(nearest_pool(request, MAX_CANDIDATES)):
        near = pool[pool >= 0]
        chosen = cluster_neighbours(scaled_vectors(request, query, near), request.k) - 1
        rows[query, : len(chosen)] = near[chosen]
    return rows


def cluster_neighbours(vectors: np.ndarray, k: int) -> np.ndarray:
    """K members of the target's cluster: positions int64 (<= K,) in 1..N-1, nearest first.

    `vectors`: float (N, D), row 0 the target, the others the candidates, all of whom may be found. Ward's
    tree over the `MAX_CANDIDATES` nearest is cut where the target's cluster first has K other members; the
    K nearest of them are returned (ties by position). Deterministic: there is no seed.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    distance = np.linalg.norm(vectors - vectors[0], axis=1)
    nearest = 1 + np.argsort(distance[1:], kind="stable")[:MAX_CANDIDATES]
    rows = np.concatenate([[0], nearest])
    members = rows[_smallest_cluster(vectors[rows], k)]
    members = members[members != 0]
    return members[np.lexsort((members, distance[members]))][:k]


def _smallest_cluster(vectors: np.ndarray, k: int) -> np.ndarray:
    """Positions in row 0's cluster at the lowest cut that gives it k others (all rows if none does)."""
    n = len(vectors)
    if n <= k + 1:
        return np.arange(n)
    from sklearn.cluster import AgglomerativeClustering

    tree = AgglomerativeClustering(n_clusters=1, linkage="ward").fit(vectors)
    contents: dict[int, list[int]] = {i: [i] for i in range(n)}
    for step, (left, right) in enumerate(tree.children_):
        merged = contents.pop(int(left)) + contents.pop(int(right))
        if 0 in merged and len(merged) > k:
            return np.sort(np.array(merged))
        contents[n + step] = merged
    return np.arange(n)
