"""Policies `diverse` and `cluster` against brute force."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.data.schema import validate_studies
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.policies.diverse import jaccard, marginal_relevance, relative_similarity

NAMES = ("Mass", "Edema", "Effusion", "Nodule")


@pytest.fixture(scope="module")
def index() -> NeighborIndex:
    """80 images of 80 patients, image and report vectors, one or two findings each."""
    rng = np.random.default_rng(3)
    findings = [sorted(set(rng.choice(NAMES, 2))) for _ in range(80)]
    ids = [f"i{row}" for row in range(80)]
    studies = validate_studies(pd.DataFrame({"image_id": ids, "patient_id": ids, "findings": findings}))
    image, report = (rng.normal(size=(80, dim)).astype(np.float32) for dim in (5, 3))
    return NeighborIndex.build(Embeddings.from_arrays(ids, image=image, report=report), studies)


def test_diverse_takes_the_best_row_at_each_step(index: NeighborIndex) -> None:
    found, _ = index.neighbors(np.array([0]), 4, modality="image", policy="diverse")
    distance = np.linalg.norm(index.vectors["image"] - index.vectors["image"][0], axis=1)
    distance[0] = np.inf
    pool = np.argsort(distance)[:40]
    similarity = 1 - distance[pool] / distance[pool].max()
    sets = [set(index.studies["findings"][row]) for row in pool]
    taken: list[int] = []
    for _ in range(4):
        values = [
            -9.0
            if i in taken
            else 0.5 * similarity[i] - 0.5 * max((jaccard(sets[i], sets[t]) for t in taken), default=0.0)
            for i in range(len(pool))
        ]
        taken.append(int(np.argmax(values)))
    assert set(found[0]) == set(pool[taken])


def test_diverse_neighbours_agree_less_in_findings_than_nearest(index: NeighborIndex) -> None:
    def agreement(policy: str) -> float:
        found, _ = index.neighbors(np.arange(80), 4, modality="fused", policy=policy)
        sets = [[set(index.studies["findings"][row]) for row in line] for line in found]
        return float(np.mean([jaccard(a, b) for line in sets for a, b in itertools.combinations(line, 2)]))

    assert agreement("diverse") < 0.7 * agreement("nearest")


@pytest.mark.parametrize("policy", ["diverse", "cluster"])
def test_filters_hold_and_shortage_is_marked(index: NeighborIndex, policy: str) -> None:
    allowed = np.zeros(80, dtype=bool)
    allowed[[3, 5, 8]] = True
    found, distances = index.neighbors(np.array([0, 3]), 4, modality="image", allowed=allowed, policy=policy)
    assert set(found[0]) == {3, 5, 8, -1} and set(found[1]) == {5, 8, -1}
    np.testing.assert_array_equal(found < 0, np.isnan(distances))


def test_cluster_is_the_same_for_any_seed(index: NeighborIndex) -> None:
    rng: Callable[[int], np.random.Generator] = np.random.default_rng
    runs = [
        index.neighbors(np.arange(20), 5, modality="fused", policy="cluster", rng=rng(seed))[0]
        for seed in (0, 1)
    ]
    np.testing.assert_array_equal(*runs)


def test_equal_distances_and_unlabelled_rows() -> None:
    assert relative_similarity(np.zeros(3)).tolist() == [1, 1, 1]
    assert marginal_relevance(np.ones(3), [set(), set(), {"Mass"}], 2) == [0, 2]
