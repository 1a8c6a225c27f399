"""Random neighbours, drawn exactly: K films of different units, by lot, within a stratum."""

from __future__ import annotations

import numpy as np

ROUNDS = 20  # draws for one place; who is then still without a film of a new unit looks at all candidates


def draw_neighbors(
    targets: np.ndarray,
    own: np.ndarray,
    strata: np.ndarray,
    units: np.ndarray,
    k: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw up to K candidates of different units for each target: int64 (T, K), -1 where fewer exist.

    targets: int (T,) positions in a pool of n images; own: int (n,), images with the target's value are no
    candidates (the patient, or the row number to leave out only the target); strata: int (n,), candidates
    come from the target's stratum; units: int (n,), of images with the same value one can be drawn (the row
    number for any image). Each place goes to a candidate drawn uniformly among those of units not drawn yet.
    """
    pool = _Candidates(own, strata)
    drawn = np.full((len(targets), k), -1, dtype=np.int64)
    going = np.arange(len(targets))  # places in `drawn` of targets that have had a film at every place so far
    for place in range(k):
        waiting = going
        for _ in range(ROUNDS):
            films = pool.draw(targets[waiting], rng)
            taken = units[drawn[waiting, :place]]
            new = (films >= 0) & (units[films][:, None] != taken).all(axis=1)
            drawn[waiting[new], place] = films[new]
            waiting = waiting[~new]
        for which in waiting:
            films = pool.of(targets[which])
            films = films[~np.isin(units[films], units[drawn[which, :place]])]
            drawn[which, place] = rng.choice(films) if len(films) else -1
        going = going[drawn[going, place] >= 0]
    return drawn


class _Candidates:
    """Candidates by stratum and own value, side by side: drawn by their rank among all but the own."""

    def __init__(self, own: np.ndarray, strata: np.ndarray) -> None:
        self._order = np.lexsort((own, strata))
        self._start, self._end = _block_of(strata[self._order], strata)
        both = np.unique(np.stack([strata, own], axis=1), axis=0, return_inverse=True)[1].reshape(-1)
        self._own_start, self._own_end = _block_of(both[self._order], both)

    def draw(self, targets: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One candidate of each of `targets` int (T,), uniformly: int64 (T,), -1 where there is none."""
        start, own_start = self._start[targets], self._own_start[targets]
        own_size = self._own_end[targets] - own_start
        count = self._end[targets] - start - own_size
        place = start + rng.integers(0, np.maximum(count, 1))
        place = np.where(place >= own_start, place + own_size, place)
        return np.where(count > 0, self._order[np.minimum(place, len(self._order) - 1)], -1)

    def of(self, target: int) -> np.ndarray:
        """All candidates of one target."""
        before = self._order[self._start[target] : self._own_start[target]]
        return np.concatenate([before, self._order[self._own_end[target] : self._end[target]]])


def _block_of(ordered: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First place and end of each wanted value in an ascending array."""
    return np.searchsorted(ordered, wanted, "left"), np.searchsorted(ordered, wanted, "right")
