"""Policy `cluster`: neighbours from the query's agglomerative cluster (DLIME, Zafar and Khan 2019)."""

from __future__ import annotations

import numpy as np

from cxrneighbors.index.fusion import scaled_concatenation
from cxrneighbors.index.policies.nearest import nearest_pool
from cxrneighbors.index.request import Hits, Request

MAX_CANDIDATES = 1000


def cluster(request: Request, rng: np.random.Generator) -> Hits:
    """Rows from each query's own cluster, see `cluster_neighbours`; deterministic, `rng` is not used."""
    pool = nearest_pool(request, MAX_CANDIDATES)
    columns = np.full((len(request), request.k), -1, dtype=np.int64)
    for query, rows in enumerate(pool.rows):
        chosen = cluster_neighbours(_points(request, query, rows[rows >= 0]), request.k) - 1
        columns[query, : len(chosen)] = np.sort(chosen)
    return pool.take(columns)


def cluster_neighbours(vectors: np.ndarray, k: int) -> np.ndarray:
    """K members of the target's cluster: positions int64 (<= K,) in 1..N-1, nearest first, ties by position.

    `vectors`: float (N, D), row 0 the target, the others the candidates, all of whom may be found. Ward's
    tree over the `MAX_CANDIDATES` nearest is cut where the target's cluster first has K other members.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    distance = np.linalg.norm(vectors - vectors[0], axis=1)
    nearest = 1 + np.argsort(distance[1:], kind="stable")[:MAX_CANDIDATES]
    rows = np.concatenate([[0], nearest])
    members = rows[_smallest_cluster(vectors[rows], k)]
    members = members[members != 0]
    return np.asarray(members[np.lexsort((members, distance[members]))][:k])


def _points(request: Request, query: int, rows: np.ndarray) -> np.ndarray:
    """The query and `rows` int64 (M,) as points whose Euclidean distance is the search's: (M + 1, D)."""
    store, one = request.store, slice(query, query + 1)
    own = scaled_concatenation(request.vectors, request.factors, one)
    others = scaled_concatenation(store.vectors, request.factors, rows, apart=store.apart)
    return np.concatenate([own, others])


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
            return np.array(merged)
        contents[n + step] = merged
    return np.arange(n)
