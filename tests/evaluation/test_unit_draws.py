"""Chances of successive sampling against the enumeration of all orders, and against shuffled films."""

from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.evaluation.unit_draws import film_chances


def enumerated(units, k):
    """Chance of each unit to be among the first k, by all orders of k units."""
    chance = np.zeros(len(units))

    def go(taken, p):
        left = [u for u in range(len(units)) if u not in taken]
        if len(taken) == k or not left:
            chance[list(taken)] += p
            return
        films = sum(units[u] for u in left)
        for u in left:
            go((*taken, u), p * units[u] / films)

    go((), 1.0)
    return chance


@pytest.mark.parametrize(
    ("units", "k"),
    [
        ([1, 1, 3], 2),
        ([1, 2, 2, 5, 40], 3),
        ([1, 1, 1, 2, 2, 3, 300], 4),
        ([1, 100, 100, 7], 2),
        ([4] * 6, 3),
        ([1, 2, 3], 3),  # all come
        ([2, 7], 5),  # fewer than K
        ([3, 5, 5], 1),
    ],
)
def test_chances_equal_the_enumeration(units, k):
    sizes, counts = np.unique(units, return_counts=True)
    found = film_chances(sizes, counts[None], k)[0]
    chance = enumerated(units, k)
    expected = [chance[units.index(size)] / size / chance.sum() for size in sizes]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_each_population_is_its_own():
    sizes = np.array([1, 2, 9])
    counts = np.array([[5, 3, 1], [4, 3, 1], [5, 2, 1], [5, 3, 0]])
    together = film_chances(sizes, counts, 3)
    for line, alone in zip(together, counts, strict=True):
        there = alone > 0
        np.testing.assert_allclose(
            line[there], film_chances(sizes[there], alone[there][None], 3)[0], rtol=1e-9
        )
        assert (alone * sizes * line).sum() == pytest.approx(1)


@pytest.mark.parametrize("k", [5, 25])
def test_large_uneven_populations_against_shuffles(k):
    """300 units of 1 to 60 films: how often units of each size come first when films are shuffled."""
    rng = np.random.default_rng(0)
    units = rng.geometric(0.15, 300).clip(1, 60)
    sizes, counts = np.unique(units, return_counts=True)
    found = film_chances(sizes, counts[None], k)[0]
    assert (np.diff(found) < 0).all()  # a film of many is skipped more often
    arrival = rng.exponential(1 / units, (4000, 300))
    came = np.argpartition(arrival, k, axis=1)[:, :k]
    mean_size = units[came].mean()
    assert mean_size == pytest.approx((counts * sizes * sizes * found).sum(), rel=0.01)
