from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from cxrneighbors.index.policies.cluster import cluster_neighbours


def by_scipy(vectors, k):
    """The same from scipy's tree: the finest cut whose cluster of row 0 has k others."""
    tree = linkage(vectors, "ward")
    for n_clusters in range(len(vectors), 0, -1):
        labels = fcluster(tree, n_clusters, "maxclust")
        members = np.flatnonzero(labels == labels[0])
        if len(members) > k:
            break
    members = members[members != 0]
    return members[np.argsort(np.linalg.norm(vectors[members] - vectors[0], axis=1))][:k]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("k", [1, 3, 10])
def test_equals_scipys_tree(seed, k):
    vectors = np.random.default_rng(seed).normal(size=(40, 5))
    assert cluster_neighbours(vectors, k).tolist() == by_scipy(vectors, k).tolist()


def test_stays_within_the_targets_cluster_even_if_another_row_is_nearer():
    own = np.array([[0.0, 0.0], [0.4, 0.0], [0.8, 0.0], [1.2, 0.0]])
    other = np.array([[-0.1, 1.0]]) + 0.01 * np.arange(6)[:, None]
    vectors = np.concatenate([own, other])
    nearest = np.argsort(np.linalg.norm(vectors, axis=1))[1:4]
    assert nearest.tolist() == [1, 2, 4]
    assert cluster_neighbours(vectors, 3).tolist() == [1, 2, 3]


def test_fewer_candidates_than_k():
    assert cluster_neighbours(np.zeros((3, 2)), 5).tolist() == [1, 2]
    assert cluster_neighbours(np.zeros((1, 2)), 5).tolist() == []
