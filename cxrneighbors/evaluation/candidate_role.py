"""What patients contribute to a lift as candidates: through the expectations of other patients' targets.

The expectation e_i of a target is the mean overlap with its candidates, film j with chance c_ij (1 / n_i
where all are alike), so each candidate film takes K c_ij (s_ij - e_i) from the lift's sum. c_ij is a weight
of the target times a weight of the film. A patient's films with the same label set in the same stratum are
interchangeable: everything is summed over such groups, never over pairs of films.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from cxrneighbors.evaluation.overlap import CHUNK, pair_overlap, summed_overlap
from cxrneighbors.statistics.dyadic import Candidates
from cxrneighbors.statistics.groups import codes_of, group_sums


@dataclass(frozen=True)
class _Groups:
    """G groups of films: patient, stratum, label set (int (G,)); their summed weight as candidates; as
    targets, and that times e_i; sets: uint64 (U, W); first, size: a patient's groups."""

    patient: np.ndarray
    stratum: np.ndarray
    label_set: np.ndarray
    films: np.ndarray
    weight: np.ndarray
    weighted_expectation: np.ndarray
    sets: np.ndarray
    first: np.ndarray
    size: np.ndarray


def candidate_role(
    masks: np.ndarray,
    patients: np.ndarray,
    strata: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    expected: np.ndarray,
    definition: str,
    candidates: np.ndarray | None = None,
) -> Candidates:
    """The candidates' contributions to the sum over T targets' neighbours.

    masks: uint64 (n, W), patients (0..P-1), strata: int (n,), of the pool; targets: int (T,) positions in it;
    weights: float (T,), K times the target's; expected: float (T,), e_i; candidates: float or bool (n,),
    weights of the films that these targets choose among, all 1 by default (their own patient's never).
    """
    n_patients = int(patients.max(initial=-1)) + 1
    sets, label_set = np.unique(masks, axis=0, return_inverse=True)
    films = pd.DataFrame(
        {
            "patient": patients,
            "stratum": strata,
            "label_set": label_set.reshape(-1),
            "films": np.ones(len(masks)) if candidates is None else candidates.astype(np.float64),
            "weight": np.bincount(targets, weights, len(masks)),
            "weighted_expectation": np.bincount(targets, weights * expected, len(masks)),
        }
    )
    summed = films.groupby(["patient", "stratum", "label_set"], as_index=False).sum()
    columns = {str(name): summed[name].to_numpy() for name in summed}
    size = np.bincount(columns["patient"], minlength=n_patients)
    groups = _Groups(**columns, sets=sets, first=np.cumsum(size) - size, size=size)
    everyone = np.arange(n_patients)
    own = _between(groups, everyone, everyone, definition) / 2  # both ways are the same way here
    total, n_expected = _from_all(groups, n_patients, definition)
    own_expected = _own_expected(groups, n_patients)
    return Candidates(total - own, n_expected - own_expected, lambda p, q: _between(groups, p, q, definition))


def _from_all(g: _Groups, n_patients: int, definition: str) -> tuple[np.ndarray, np.ndarray]:
    """Per patient: its films' contributions to all targets, and their expected number of places."""
    n_strata, n_sets = int(g.stratum.max(initial=0)) + 1, len(g.sets)
    weight = group_sums(g.stratum * n_sets + g.label_set, g.weight, n_strata * n_sets).reshape(n_strata, -1)
    taken = group_sums(g.stratum, g.weighted_expectation, n_strata)
    overlap = summed_overlap(weight, g.sets, definition)
    per_film = overlap[g.stratum, g.label_set] - taken[g.stratum]
    places = weight.sum(axis=1)[g.stratum]
    return (
        group_sums(g.patient, g.films * per_film, n_patients),
        group_sums(g.patient, g.films * places, n_patients),
    )


def _own_expected(g: _Groups, n_patients: int) -> np.ndarray:
    """Places that a patient's films would have among its own targets: no candidates, taken out again."""
    cells = g.patient * (int(g.stratum.max(initial=0)) + 1) + g.stratum
    of_cell, which = np.unique(cells, return_index=True)[1], codes_of(cells)
    both = group_sums(which, g.films) * group_sums(which, g.weight)
    return group_sums(g.patient[of_cell], both, n_patients)


def _between(g: _Groups, p: np.ndarray, q: np.ndarray, definition: str) -> np.ndarray:
    """Contributions between patients p and q (int (A,) each), both ways: float64 (A,)."""
    before = np.cumsum(g.size[p] * g.size[q])
    splits = np.searchsorted(before, np.arange(CHUNK, before[-1] if len(p) else 0, CHUNK))
    edges = np.unique([0, *splits, len(p)])
    result = np.zeros(len(p))
    for start, end in pairwise(edges):
        result[start:end] = _between_chunk(g, p[start:end], q[start:end], definition)
    return result


def _between_chunk(g: _Groups, p: np.ndarray, q: np.ndarray, definition: str) -> np.ndarray:
    n_pairs = g.size[p] * g.size[q]
    which = np.repeat(np.arange(len(p)), n_pairs)
    place = np.arange(len(which)) - np.repeat(np.cumsum(n_pairs) - n_pairs, n_pairs)
    row, column = np.divmod(place, g.size[q][which])
    a, b = g.first[p][which] + row, g.first[q][which] + column
    same = g.stratum[a] == g.stratum[b]
    a, b, which = a[same], b[same], which[same]
    shared = pair_overlap(g.sets[g.label_set[a]], g.sets[g.label_set[b]], definition)
    there = g.films[b] * (g.weight[a] * shared - g.weighted_expectation[a])
    back = g.films[a] * (g.weight[b] * shared - g.weighted_expectation[b])
    return group_sums(which, there + back, len(p))
