"""Lifts, and differences of lifts, with the standard error of `statistics.dyadic`.

`neighbors` are int (T, R) positions in the pool, nearest first, R >= K: the ranks behind the K-th, -1 for
none, show what would take a neighbour's place. K + `dyadic.NEXT` ranks are used, fewer where fewer are given.
"""

from __future__ import annotations

import numpy as np

from cxrneighbors.evaluation.candidate_role import candidate_role
from cxrneighbors.evaluation.expectation import Expectation
from cxrneighbors.evaluation.overlap import pair_overlap
from cxrneighbors.statistics.dyadic import (
    NEXT,
    Candidates,
    Contributions,
    dyadic_estimate,
    pair_contributions,
    replacements,
)
from cxrneighbors.statistics.estimate import Estimate
from cxrneighbors.statistics.groups import codes_of


def lift_estimate(
    targets: np.ndarray,
    neighbors: np.ndarray,
    k: int,
    masks: np.ndarray,
    patients: np.ndarray,
    expectation: Expectation,
    definition: str,
    strata: np.ndarray | None = None,
) -> Estimate:
    """Mean lift of T targets with its standard error.

    targets: int (T,), positions in a pool of n images; masks: uint64 (n, W); patients: int (n,);
    expectation: of the pool, within `strata` (n,) if given.
    """
    codes = codes_of(patients)
    candidates = candidate_role(
        masks,
        codes,
        np.zeros(len(codes), dtype=np.int64) if strata is None else strata,
        targets,
        k / expectation.candidates[targets],
        expectation.mean[targets],
        definition,
    )
    expected = expectation.mean[targets]
    mean, contributions = _contributions(
        targets, neighbors, k, masks, codes, expected, definition, candidates
    )
    return dyadic_estimate(mean, contributions)


def difference_estimate(
    targets: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    k: int,
    masks: np.ndarray,
    patients: np.ndarray,
    expected: np.ndarray,
    definition: str,
) -> Estimate:
    """Mean lift of T targets by the neighbours `first` less that by `second`, searched in the same pool.

    expected: float (T,), e_i of each target. Targets, candidates and expectations being the same for both,
    the difference of lifts is the difference of overlaps, and the candidates' role cancels.
    """
    codes = codes_of(patients)
    mean, ours = _contributions(targets, first, k, masks, codes, expected, definition)
    other, theirs = _contributions(targets, second, k, masks, codes, expected, definition)
    return dyadic_estimate(mean - other, ours.minus(theirs))


def _contributions(
    targets: np.ndarray,
    neighbors: np.ndarray,
    k: int,
    masks: np.ndarray,
    codes: np.ndarray,
    expected: np.ndarray,
    definition: str,
    candidates: Candidates | None = None,
) -> tuple[float, Contributions]:
    ranked = neighbors[:, : k + NEXT]
    residuals = pair_overlap(masks[targets][:, None], masks[ranked], definition) - expected[:, None]
    people = np.where(ranked < 0, -1, codes[ranked])
    mean = float(residuals[:, :k].mean())
    replaced_by = replacements(people[:, :k], people[:, k:], residuals[:, k:], mean)
    n_patients = int(codes.max(initial=-1)) + 1
    return mean, pair_contributions(
        codes[targets], people[:, :k], residuals[:, :k], replaced_by, n_patients, candidates
    )
