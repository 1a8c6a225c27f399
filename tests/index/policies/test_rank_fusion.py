from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.policies import rank_fusion as module

Build = Callable[..., NeighborIndex]


def by_hand(
    index: NeighborIndex, row: int, k: int, weights: dict[str, float]
) -> tuple[list[int], list[float]]:
    """One query's k best by the published sum, lists ranked one film at a time."""
    patients = index.studies["patient_id"].to_numpy()
    score = dict.fromkeys(np.flatnonzero(patients != patients[row]).tolist(), 0.0)
    for name, weight in weights.items():
        apart = np.linalg.norm(index.vectors[name] - index.vectors[name][row], axis=1)
        ranked = [
            other for other in np.argsort(apart, kind="stable") if other in score and index.has[name][other]
        ]
        for rank, other in enumerate(ranked, start=1):
            score[other] += weight / (60 + rank)
    best = sorted(score, key=lambda other: (-score[other], other))[:k]
    return best, [1 - score[other] * 61 / sum(weights.values()) for other in best]


@pytest.mark.parametrize("weights", [None, {"image": 0.3, "report": 2.0}])
def test_equals_the_sum_of_reciprocal_ranks(small_index: Build, weights: dict[str, float] | None) -> None:
    index, rows = small_index(200), np.array([1, 2, 33])
    found, distances = index.neighbors(rows, 7, modality="fused", fusion="ranks", weights=weights)
    for line, row in enumerate(rows):
        best, expected = by_hand(index, row, 7, weights or {"image": 1.0, "report": 1.0})
        assert found[line].tolist() == best
        np.testing.assert_allclose(distances[line], expected, atol=1e-6)


def test_an_index_of_ranks_ranks_so_unless_asked_otherwise(small_index: Build) -> None:
    by_distance, by_ranks = small_index(100), small_index(100, fusion="ranks")
    ranked = by_ranks.search("i00001", k=4)
    assert ranked.equals(by_distance.search("i00001", k=4, fusion="ranks"))
    assert by_ranks.search("i00001", k=4, fusion="distance").equals(by_distance.search("i00001", k=4))
    assert by_ranks.search("i00000", k=4).equals(by_distance.search("i00000", k=4))  # has no report


def test_lists_end_and_few_rows_are_counted(small_index: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEPTH", 5)
    index = small_index(100)
    found, distances = index.neighbors(np.array([1]), 10, modality="fused", fusion="ranks")
    assert len(set(found[0])) == 10 and (np.diff(distances[0]) >= 0).all()
    allowed = np.zeros(100, dtype=bool)
    allowed[[7, 8]] = True
    found, _ = index.neighbors(np.array([1]), 3, modality="fused", fusion="ranks", allowed=allowed)
    assert set(found[0].tolist()) == {7, 8, -1}


def test_mistakes(small_index: Build) -> None:
    index = small_index(60)
    with pytest.raises(UserError, match="policy 'diverse': it chooses by distances; search with fusion"):
        index.search("i00001", k=3, policy="diverse", fusion="ranks")
    with pytest.raises(UserError, match="unknown fusion 'sum'; choose one of: distance, ranks"):
        small_index(60, fusion="sum")


def test_one_image_of_each_patient_is_the_best_of_his(
    small_index: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = small_index(120)
    patients = index.studies["patient_id"].to_numpy()
    for depth in (1000, 8):  # lists that end before there are k patients are made longer
        monkeypatch.setattr(module, "DEPTH", depth)
        found, _ = index.neighbors(np.array([1, 33]), 9, modality="fused", fusion="ranks", one_per="patient")
        for line, row in enumerate((1, 33)):
            best, _ = by_hand(index, row, 120, {"image": 1.0, "report": 1.0})
            firsts = [one for i, one in enumerate(best) if patients[one] not in patients[best[:i]]]
            assert len({patients[one] for one in found[line]}) == 9
            if depth == 1000:
                assert found[line].tolist() == firsts[:9]
