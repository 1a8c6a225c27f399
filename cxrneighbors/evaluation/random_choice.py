"""Who may be drawn for an image, and with what chance: random neighbours before any label is looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxrneighbors.evaluation.unit_draws import film_chances
from cxrneighbors.statistics.groups import group_sums


@dataclass(frozen=True)
class RandomChoice:
    """Random choice of K films of different units for each of n images (see `unit_draws`).

    A film's size is how many films of its unit lie in its stratum; units may differ in it by stratum.
    strata: int (n,); findable: bool (n,); size: int (n,), place of each film's size among the S that occur;
    smaller: int (n,), place of the size less one; population: int (n,), which of R populations an image
    chooses from; chances: float64 (R, S), of one film of a size to have a given place; candidates: int64
    (n,), units to choose from; own: int (n,), images of the same value are no candidates, or, with
    `include_same_patient`, of the same unit.
    share: float64 (n,), chance of each film in its whole stratum; left: float64 (n,), what of these shares an
    image's candidates hold, so that share / left is about a film's chance for that image.
    """

    strata: np.ndarray
    findable: np.ndarray
    include_same_patient: bool
    size: np.ndarray
    smaller: np.ndarray
    population: np.ndarray
    chances: np.ndarray
    candidates: np.ndarray
    own: np.ndarray
    share: np.ndarray
    left: np.ndarray

    @classmethod
    def of(
        cls,
        patients: np.ndarray,
        strata: np.ndarray,
        include_same_patient: bool,
        findable: np.ndarray,
        units: np.ndarray,
        k: int,
    ) -> RandomChoice:
        """patients, units (each of one patient), strata: int (n,); `findable`: bool (n,)."""
        n_strata = int(strata.max(initial=-1)) + 1
        cell, first = _groups(units * max(n_strata, 1) + strata)  # films of a unit in a stratum
        films = group_sums(cell, findable).astype(np.int64)
        sizes = np.unique(np.r_[films, films - 1])
        sizes = np.append(sizes[sizes > 0], [] if (sizes > 0).any() else [1]).astype(np.int64)
        size, smaller = (np.searchsorted(sizes, np.maximum(m, 1))[cell] for m in (films, films - 1))
        first = first[films > 0]
        units_of = _histogram(strata[first], size[first], (n_strata, len(sizes)))
        if include_same_patient:
            own, (group, example) = cell, _groups((strata * len(sizes) + size) * 2 + findable)
            of = np.eye(len(sizes), dtype=np.int64)
            less = of[smaller[example]] * (sizes[size[example]] > 1)[:, None]
            taken = (of[size[example]] - less) * findable[example][:, None]  # a unit has a film less
        else:
            own, example = _groups(patients * max(n_strata, 1) + strata)
            group = own
            taken = _histogram(group[first], size[first], (len(example), len(sizes)))
        counts, which = np.unique(units_of[strata[example]] - taken, axis=0, return_inverse=True)
        population = which.reshape(-1)[group]  # numpy 2.0 alone returns (G, 1)
        share = film_chances(sizes, units_of, k)[strata, size] * findable
        gone = share if include_same_patient else group_sums(group, share)[group]
        return cls(
            strata=strata,
            findable=findable,
            include_same_patient=include_same_patient,
            size=size,
            smaller=smaller,
            population=population,
            chances=film_chances(sizes, counts, k),
            candidates=counts.sum(axis=1)[population],
            own=own,
            share=share,
            left=group_sums(strata, share)[strata] - gone,
        )

    def of_own(self, rows: np.ndarray) -> np.ndarray:
        """What images of the same `own` have too much when all films count: int (G, s) -> float (G, s, s).

        Entry (i, j): by how much the chance of film j for image i is above what it is.
        """
        population, size = self.population[rows][:, :, None], self.size[rows][:, None, :]
        excess = self.chances[population, size]
        if self.include_same_patient:
            # The image itself is out; its unit's other films are those of a unit with one film less.
            less = self.chances[self.population[rows], self.smaller[rows]][:, :, None]
            apart = ~np.eye(rows.shape[1], dtype=bool)
            excess = np.where(apart, excess - less, excess) * self.findable[rows][:, :, None]
        return np.asarray(excess * self.findable[rows][:, None, :])


def _groups(key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of each image's group, and an image of each group."""
    _, example, group = np.unique(key, return_index=True, return_inverse=True)
    return group.reshape(-1), example


def _histogram(line: np.ndarray, column: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    counted = np.bincount(line * shape[1] + column, minlength=shape[0] * shape[1])
    return np.asarray(counted.reshape(shape))
