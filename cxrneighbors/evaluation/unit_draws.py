"""Random choice of K films of different units: films are drawn by lot, those of a unit drawn already skipped.

A unit (image, study or patient) of m films comes first with chance m / n; after that the films of the units
drawn before are out (successive sampling; Andreatta & Kaufman 1986). Nearest neighbours, one of each unit,
are such a draw where distances know nothing of films. With an independent exponential arrival of each film,
of rate 1, a unit of m films arrives with rate m and is among the first K units with probability

    pi(m) = integral over t of  m exp(-m t) P(fewer than K other units have come by t) dt,

and each of its films then equally likely. How many others have come is a sum of binomials; the integral is by
Gauss-Legendre in the fourth root of t, with a relative error below 1e-9 as long as no unit has 10,000 times
the films of another (tests compare with the enumeration of all orders).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import gammaln

NODES = {"alike": 32, "unlike": 96}  # unlike: the largest unit comes long before K have
NEVER = 1e-16  # chance that is taken for 0
LATE = 40.0  # by then a unit of one film has come but for a chance of 4e-18
CHUNK = 64  # populations at once


def film_chances(sizes: np.ndarray, counts: np.ndarray, k: int) -> np.ndarray:
    """Chance of one film to have a given place of K, by its unit's size, in each of R populations: (R, S).

    sizes: int (S,), films of a unit; counts: int (R, S), units of each size, 0 where there are none (then the
    chance is that of one more such unit among them). Places are taken together, so sum(counts * sizes *
    result) is 1 for each population with units. Fewer than K units: all come.

    >>> film_chances(np.array([1, 3]), np.array([[2, 1]]), 1)
    array([[0.2, 0.2]])
    >>> film_chances(np.array([1, 3]), np.array([[2, 1]]), 3).round(3)
    array([[0.333, 0.111]])
    """
    if k == 1 or len(sizes) == 1:
        return np.repeat(1.0 / np.maximum(counts @ sizes, 1)[:, None], len(sizes), axis=1)
    parts = [counts[start : start + CHUNK] for start in range(0, len(counts), CHUNK)]
    chances = np.concatenate([_arrivals(tuple(sizes), tuple(map(tuple, part)), k) for part in parts]) / sizes
    return np.asarray(chances / np.maximum((counts * sizes * chances).sum(axis=1, keepdims=True), NEVER))


@lru_cache(maxsize=256)  # the same films are drawn from for every finding, every method
def _arrivals(unit_sizes: tuple[int, ...], unit_counts: tuple[tuple[int, ...], ...], k: int) -> np.ndarray:
    """pi(m) of a unit of each size: float64 (R, S)."""
    sizes, counts = np.array(unit_sizes), np.array(unit_counts)
    t, weights = _quadrature(sizes, counts, k)
    came, others = (_binomials(np.maximum(n, 0), sizes[:, None] * t, k) for n in (counts, counts - 1))
    before, after = _products(came), _products(came[:, :, ::-1])[:, :, ::-1]
    # Of the units other than one of the size itself, fewer than K have come.
    fewer = _sums_of(_sums_of(before, others), after).sum(axis=0)
    return np.asarray((sizes[:, None] * np.exp(-sizes[:, None] * t) * fewer) @ weights)


def _quadrature(sizes: np.ndarray, counts: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Times and weights, up to when K units have come for sure."""
    times = np.geomspace(NEVER, LATE, 500)
    least = np.maximum(counts.min(axis=0) - 1, 0)[None]
    fewer = _products(_binomials(np.append(least, [[0]], axis=1), np.append(sizes, 1)[:, None] * times, k))
    late = np.append(times[fewer[:, 0, -1].sum(axis=0) < NEVER], LATE)[0]
    nodes, weights = np.polynomial.legendre.leggauss(NODES["alike" if sizes[-1] * late < 5 else "unlike"])
    root = (nodes + 1) / 2
    return late * root**4, weights / 2 * late * 4 * root**3


def _binomials(counts: np.ndarray, ages: np.ndarray, k: int) -> np.ndarray:
    """Chances that 0 to K - 1 of so many units have come, each with chance 1 - exp(-age): (K, R, S, T).

    counts: int (R, S), of units of each size; ages: float (S, T), m t.
    """
    come, n = np.arange(k)[:, None, None, None], counts[:, :, None]
    ways = (
        gammaln(n + 1) - gammaln(come + 1) - gammaln(n - come + 1)
    )  # minus infinity for more than there are
    return np.asarray(np.exp(ways + come * np.log(-np.expm1(-ages)) - (n - come) * ages))


def _products(parts: np.ndarray) -> np.ndarray:
    """Distributions of the sums of all sizes before each: (K, R, S, T) -> the same shape."""
    result = np.zeros_like(parts)
    result[0, :, 0] = 1.0
    for s in range(1, parts.shape[2]):
        result[:, :, s] = _sums_of(result[:, :, s - 1], parts[:, :, s - 1])
    return result


def _sums_of(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distribution of the sum of two independent counts, as far as K - 1: (K, ...) each -> (K, ...)."""
    result = a[:1] * b
    for j in range(1, len(a)):
        result[j:] += a[j] * b[:-j]
    return np.asarray(result)
