"""The standard error of a mean over target-neighbour pairs, with the patient as the unit on both sides.

A lift is a mean over E pairs (target i, neighbour j) of r_ij = s_ij - e_i, the overlap less its expectation
over i's candidates. A patient moves it in three roles: as target; as neighbour (some films are neighbours of
dozens of targets); and as candidate, through the expectations of everybody else. Written out,

    E * lift = sum over pairs of films of (A_ij - K / n_i) s_ij        A_ij = 1 if j is a neighbour of i,

a sum of one term W_pq for each pair of patients. Two terms are related where they share a patient, so

    Var = [ sum_p (c_p T_p)^2 - sum_{p<q} W_pq^2 ] / E^2,

T_p being what goes when patient p goes and W_pq what goes with p and q alike, which the first sum counts
twice (dyadic cluster-robust variance: Fafchamps & Gubert 2007; Aronow, Samii & Assenova 2015). Four things
are ours, each found necessary by simulation (`eval/calibration.py`):

- the candidate's role is part of T_p and W_pq;
- a neighbour that goes is replaced by the next in line: in p's role as neighbour r_ij counts by its
  difference from the next ranks' mean (`replacements`), in its role as target from the mean of all;
- c_p = 1 / (1 - p's share of the targets), the jackknife's correction for few patients (MacKinnon, Nielsen &
  Webb 2023);
- Student's t, with the effective number of patients as degrees of freedom.

W_pq is summed over pairs of patients of whom one has a film that is a neighbour of the other's: the cost is
linear in target-neighbour pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cxrneighbors.statistics.estimate import Estimate, effective_number
from cxrneighbors.statistics.groups import group_sums

NEXT = 5  # ranks behind the K-th that show what would take a neighbour's place


@dataclass(frozen=True)
class Candidates:
    """What patients contribute as candidates of other patients' targets (all in units of pairs, like E).

    total: float64 (P,), sum over others' targets i and own films j of K / n_i (s_ij - e_i).
    expected: float64 (P,), how often a patient's films would be neighbours under random choice.
    between: (p, q) int64 (A,) each -> float64 (A,), the part of `total` between two patients, both ways.
    """

    total: np.ndarray
    expected: np.ndarray
    between: Callable[[np.ndarray, np.ndarray], np.ndarray]

    def plus(self, other: Candidates) -> Candidates:
        """Both together: of targets that choose among different films."""
        return Candidates(
            self.total + other.total,
            self.expected + other.expected,
            lambda p, q: self.between(p, q) + other.between(p, q),
        )


@dataclass(frozen=True)
class Contributions:
    """How P patients, and pairs of them, move a mean over the pairs of targets with K neighbours each.

    k: K; touching: float64 (P,), T_p; as_target: float64 (P,), pairs with p as target; as_neighbor:
    float64 (P,), pairs with p as neighbour less their expectation; keys: int64 (A,), p * P + q with p < q,
    ascending; sums: float64 (A,), W_pq; candidates: whose role is in them.
    """

    k: int
    touching: np.ndarray
    as_target: np.ndarray
    as_neighbor: np.ndarray
    keys: np.ndarray
    sums: np.ndarray
    candidates: Candidates | None = None

    def between(self, keys: np.ndarray) -> np.ndarray:
        """W_pq of any pairs: without a neighbour between them only the candidates' part is left."""
        place = np.searchsorted(self.keys, keys)
        known = np.append(self.keys, -1)[place] == keys
        result = np.where(known, np.append(self.sums, 0.0)[place], 0.0)
        if self.candidates is not None and not known.all():
            result[~known] = -self.candidates.between(*np.divmod(keys[~known], len(self.touching)))
        return result

    def minus(self, other: Contributions) -> Contributions:
        """Contributions to the difference of two means over the same targets."""
        if not np.array_equal(self.as_target, other.as_target):
            raise ValueError("contributions must be of the same targets and the same number of neighbours")
        keys = np.union1d(self.keys, other.keys)
        return Contributions(
            self.k,
            self.touching - other.touching,
            self.as_target,
            self.as_neighbor - other.as_neighbor,
            keys,
            self.between(keys) - other.between(keys),
        )


def replacements(
    neighbor_patients: np.ndarray, next_patients: np.ndarray, next_residuals: np.ndarray, overall: float
) -> np.ndarray:
    """What would take each neighbour's place if its patient went: float64 (T, K).

    neighbor_patients: int (T, K); next_patients: int (T, m), patients of the ranks behind, -1 for none;
    next_residuals: float (T, m); overall: the mean r_ij. The mean over the next of other patients with
    weight (K - 1) / K, `overall` with the rest: so few films say little of a place, and where one neighbour
    is all there is, the noise outweighs what they say (either end alone was worse in simulation).

    >>> replacements(np.array([[4, 5]]), np.array([[4, 7, 8]]), np.array([[1.0, 0.5, 0.5]]), 0.1).round(3)
    array([[0.3  , 0.383]])
    """
    total, count = np.zeros(neighbor_patients.shape), np.zeros(neighbor_patients.shape)
    for patients, residuals in zip(next_patients.T, next_residuals.T, strict=True):
        takes = (patients >= 0)[:, None] & (patients[:, None] != neighbor_patients)
        total += np.where(takes, residuals[:, None], 0.0)
        count += takes
    local = np.where(count > 0, total / np.maximum(count, 1), overall)
    weight = 1 - 1 / neighbor_patients.shape[1]
    return np.asarray(weight * local + (1 - weight) * overall)


def pair_contributions(
    target_patients: np.ndarray,
    neighbor_patients: np.ndarray,
    residuals: np.ndarray,
    replaced_by: np.ndarray | float,
    n_patients: int,
    candidates: Candidates | None = None,
) -> Contributions:
    """Contributions to the mean of `residuals`.

    target_patients: int (T,), neighbor_patients: int (T, K), both 0..P-1; residuals: float (T, K), r_ij;
    replaced_by: float (T, K) from `replacements`, or one number. Without `candidates` the expectations count
    as known: right for the difference of two lifts over the same targets and candidates, where they cancel.
    """
    n_targets, k = residuals.shape
    first, second = np.repeat(target_patients, k), neighbor_patients.reshape(-1)
    other = first != second  # a patient's own film as neighbour moves with its target
    centred = (residuals - residuals.mean()).reshape(-1)
    gone = (residuals - replaced_by).reshape(-1)[other]
    touching = group_sums(first, centred, n_patients) + group_sums(second[other], gone, n_patients)
    low, high = np.minimum(first, second)[other], np.maximum(first, second)[other]
    keys, which = np.unique(low.astype(np.int64) * n_patients + high, return_inverse=True)
    sums = group_sums(which.reshape(-1), gone, len(keys))
    places = group_sums(second, np.ones(len(second)), n_patients)
    if candidates is not None:
        touching -= candidates.total
        places -= candidates.expected
        sums -= candidates.between(*np.divmod(keys, n_patients))
    as_target = k * group_sums(target_patients, np.ones(n_targets), n_patients)
    return Contributions(k, touching, as_target, places, keys, sums, candidates)


def dyadic_estimate(mean: float, contributions: Contributions, kurtosis: float = 1.0) -> Estimate:
    """The mean with its standard error and effective number of patients (kurtosis: see `effective_number`).

    The variance is never below half of its first sum, where it lies when pairs of patients share nothing
    but themselves; NaN for a single patient and where nothing varies.
    """
    c = contributions
    n_pairs = c.as_target.sum()
    share = c.as_target / max(n_pairs, 1.0)
    if (share > 0).sum() < 2 or not np.abs(c.touching).max() > 1e-12 * n_pairs:
        return Estimate(mean, float("nan"), float("nan"))
    influence = c.touching / (1 - share)
    squares = (influence**2).sum()
    variance = max(squares - (c.sums**2).sum(), squares / 2) / n_pairs**2
    alike, apart = c.as_target**2 + c.as_neighbor**2, c.as_target * c.k + np.abs(c.as_neighbor)
    return Estimate(mean, float(np.sqrt(variance)), effective_number(alike, apart, influence, kurtosis))
