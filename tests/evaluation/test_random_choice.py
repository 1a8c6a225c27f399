"""Who may be drawn, and with what chance: against draws by lot, written out."""

from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.evaluation.random_choice import RandomChoice


def drawn_by_lot(row, patients, units, strata, findable, include, k, rng, n=6000):
    """Share of places that each film gets: films shuffled, the first k of different units taken."""
    films = [
        j
        for j in range(len(units))
        if findable[j] and j != row and strata[j] == strata[row] and (include or patients[j] != patients[row])
    ]
    places = np.zeros(len(units))
    for _ in range(n):
        taken = {}
        for j in rng.permutation(films):
            taken.setdefault(units[j], j)
        first = list(taken.values())[:k]
        places[first] += 1 / len(first)
    return places / n


@pytest.mark.parametrize("include", [False, True])
@pytest.mark.parametrize("one_per", ["patient", "study"])
def test_chances_of_films_for_an_image(include, one_per):
    rng = np.random.default_rng(1)
    patients = np.repeat(np.arange(9), [1, 1, 2, 2, 3, 4, 6, 8, 3])
    studies = np.cumsum(np.r_[1, (np.diff(patients) != 0) | (rng.random(29) < 0.5)])
    units = patients if one_per == "patient" else studies
    strata, findable = (np.arange(30) % 5 == 0).astype(int), rng.random(30) < 0.85
    choice = RandomChoice.of(patients, strata, include, findable, units, 3)
    for row in (8, 15, 20, 27):
        expected = drawn_by_lot(row, patients, units, strata, findable, include, 3, rng)
        chance = choice.chances[choice.population[row], choice.size] * findable * (strata == strata[row])
        own = np.flatnonzero(choice.own == choice.own[row])
        chance[own] -= choice.of_own(own[None])[0, np.flatnonzero(own == row)[0]]
        np.testing.assert_allclose(chance, expected, atol=0.02)
        assert chance.sum() == pytest.approx(1)
        assert choice.candidates[row] == len({units[j] for j in np.flatnonzero(expected)})
        # What the interval takes for it: the film's chance in the whole stratum, of what candidates hold.
        about = choice.share / choice.left[row]
        there = expected > 0
        assert about[there].sum() == pytest.approx(1)
        np.testing.assert_allclose(about[there], chance[there], rtol=0.35)


def test_single_images_are_equally_likely():
    patients = np.array([0, 0, 1, 2, 3, 3])
    choice = RandomChoice.of(patients, np.zeros(6, int), False, np.ones(6, bool), np.arange(6), 5)
    assert choice.candidates.tolist() == [4, 4, 5, 5, 4, 4]
    np.testing.assert_allclose(choice.chances[choice.population, 0], 1 / choice.candidates)
    np.testing.assert_allclose(choice.share / choice.left, 1 / choice.candidates)


def test_nobody_to_draw():
    alone = RandomChoice.of(np.zeros(2, int), np.zeros(2, int), False, np.ones(2, bool), np.zeros(2, int), 5)
    assert alone.candidates.tolist() == [0, 0]
    hidden = RandomChoice.of(np.arange(3), np.zeros(3, int), False, np.zeros(3, bool), np.arange(3), 5)
    assert hidden.candidates.tolist() == [0, 0, 0]
