from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.search import POLICIES

Build = Callable[..., NeighborIndex]


def test_the_names(small_index: Build) -> None:
    assert {"nearest", "random"} <= set(POLICIES)
    known = "nearest, diverse, cluster, random"
    with pytest.raises(UserError, match=f"unknown policy 'far'; choose one of: {known}"):
        small_index(30).search("i00001", policy="far")


def test_random_is_uniform_over_the_admitted_rows(small_index: Build) -> None:
    index = small_index(30)
    allowed = np.zeros(30, dtype=bool)
    allowed[10:] = True
    rows = np.full(6000, 12)  # patient of rows 12, 13, 14
    found, distances = index.neighbors(rows, 4, modality="image", allowed=allowed, policy="random")
    counts = np.bincount(found.ravel(), minlength=30)
    admitted = [row for row in range(10, 30) if row not in (12, 13, 14)]
    assert set(np.flatnonzero(counts)) == set(admitted)
    assert all(len(set(line)) == 4 for line in found.tolist())
    expected = 6000 * 4 / len(admitted)
    statistic = ((counts[admitted] - expected) ** 2 / expected).sum()
    assert statistic < 40  # chi squared, 16 degrees of freedom: p < 0.001
    assert (np.diff(distances, axis=1) >= 0).all()


@pytest.mark.parametrize("k", [3, 12, 17, 20])
def test_random_from_a_small_pool(small_index: Build, k: int) -> None:
    index = small_index(30)
    allowed = np.arange(30) >= 10
    found, distances = index.neighbors(
        np.array([12, 0]), k, modality="image", allowed=allowed, policy="random"
    )
    for line, exist in zip(found, (17, 20), strict=True):
        there = line[line >= 0]
        assert len(there) == len(set(there)) == min(k, exist) and allowed[there].all()
    np.testing.assert_array_equal(found < 0, np.isnan(distances))


def test_random_with_a_filter_for_each_query(small_index: Build) -> None:
    index = small_index(300)
    rows = np.arange(40)
    allowed = np.random.default_rng(0).random((40, 300)) < 0.5
    found, _ = index.neighbors(rows, 5, modality="image", allowed=allowed, policy="random")
    assert np.take_along_axis(allowed, found, axis=1).all()


def test_random_follows_its_generator(small_index: Build) -> None:
    index = small_index(300)

    def draw(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return index.neighbors(np.arange(50), 5, modality="fused", policy="random", rng=rng)[0]

    np.testing.assert_array_equal(draw(1), draw(1))
    assert (draw(1) != draw(2)).any()
    first = index.search("i00001", policy="random", seed=1)
    assert first.equals(index.search("i00001", policy="random", seed=1))
    assert not first.equals(index.search("i00001", policy="random", seed=2))
