"""Lifts, and differences of lifts, with the standard error of `statistics.dyadic`.

Neighbours are int (T, R) positions in the pool, nearest first, R >= K: the ranks behind the K-th, -1 for
none, show what would take a neighbour's place. K + `dyadic.NEXT` ranks are used, fewer where fewer are given.
In the difference of two lifts what would take a place is about as good for both, and is left out.
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
from cxrneighbors.statistics.estimate import NORMAL_KURTOSIS, Estimate
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

    Where one film of each unit counts, what a patient's films contribute as candidates is taken with their
    chances in the whole stratum: the small change of these from target to target (whose own patient is out)
    is left out.

    targets: int (T,), positions in a pool of n images; masks: uint64 (n, W); patients: int (n,);
    expectation: of the pool for the same k, within `strata` (n,) if given.
    """
    codes = codes_of(patients)
    expected = expectation.mean[targets]
    candidates = candidate_role(
        masks,
        codes,
        np.zeros(len(codes), dtype=np.int64) if strata is None else strata,
        targets,
        k / expectation.left[targets],
        expected,
        definition,
        expectation.share,
    )
    residuals = _residuals(targets, neighbors[:, : k + NEXT], masks, expected, definition)
    return dyadic_estimate(
        float(residuals[:, :k].mean()),
        lift_contributions(targets, neighbors, residuals, k, codes, candidates),
    )


def rare_lift_estimate(
    targets: np.ndarray,
    neighbors: np.ndarray,
    k: int,
    masks: np.ndarray,
    patients: np.ndarray,
    expectation: Expectation,
) -> Estimate:
    """`lift_estimate` of a single finding, whose few targets may have no hit at all.

    Without hits nothing varies, and the interval would be far too short. Its standard error is never below
    that of independent draws with the expected shares: sqrt(sum of e_i (1 - e_i) over pairs) / pairs.
    """
    found = lift_estimate(targets, neighbors, k, masks, patients, expectation, "any")
    n_patients = len(np.unique(patients[targets]))
    if n_patients < 2:
        return found
    expected = expectation.mean[targets]
    least = float(np.sqrt((expected * (1 - expected)).sum() / k) / len(targets))
    dof = n_patients - 1.0 if np.isnan(found.dof) else found.dof
    return Estimate(found.mean, float(np.fmax(found.standard_error, least)), dof)


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

    Patients' contributions to a difference are about normal, those to a lift are skewed (few films are hubs),
    which is why the degrees of freedom are counted differently (both by simulation).

    expected: float (T,), e_i of each target. Targets, candidates and expectations being the same for both,
    the difference of lifts is the difference of overlaps, and the candidates' role cancels.
    """
    codes = codes_of(patients)
    ours, theirs = (
        _residuals(targets, neighbors[:, :k], masks, expected, definition) for neighbors in (first, second)
    )
    return dyadic_estimate(
        float(ours.mean() - theirs.mean()),
        lift_contributions(targets, first, ours, k, codes).minus(
            lift_contributions(targets, second, theirs, k, codes)
        ),
        NORMAL_KURTOSIS,
    )


def lift_contributions(
    targets: np.ndarray,
    neighbors: np.ndarray,
    residuals: np.ndarray,
    k: int,
    codes: np.ndarray,
    candidates: Candidates | None = None,
) -> Contributions:
    """Patients' contributions to a mean lift, for lifts of any kind.

    residuals: float (T, K to K + NEXT), overlap less expectation at each rank; without ranks behind the K-th
    a neighbour's place is taken by the mean; codes: int (n,), patients 0..P-1; candidates: left out where
    they cancel (`pair_contributions`).
    """
    ranked = neighbors[:, : residuals.shape[1]]
    people = np.where(ranked < 0, -1, codes[ranked])
    mean = float(residuals[:, :k].mean())
    replaced_by = replacements(people[:, :k], people[:, k:], residuals[:, k:], mean)
    n_patients = int(codes.max(initial=-1)) + 1
    return pair_contributions(
        codes[targets], people[:, :k], residuals[:, :k], replaced_by, n_patients, candidates
    )


def _residuals(
    targets: np.ndarray, neighbors: np.ndarray, masks: np.ndarray, expected: np.ndarray, definition: str
) -> np.ndarray:
    return np.asarray(pair_overlap(masks[targets][:, None], masks[neighbors], definition) - expected[:, None])
