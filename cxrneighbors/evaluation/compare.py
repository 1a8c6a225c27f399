"""Which method is better? Paired differences on the targets and candidates that both methods know."""

from __future__ import annotations

from typing import Any

import numpy as np

from cxrneighbors.evaluation.lift_interval import difference_estimate
from cxrneighbors.evaluation.score_table import ALL, ScoreTable
from cxrneighbors.statistics.effects import effect_row


def compare(first: ScoreTable, second: ScoreTable, *, matching: str = ALL) -> dict[str, Any] | None:
    """Difference of mean overlap, first minus second, on the targets of both; None without one.

    Both tables are over the same pool and ask the same question, otherwise a ValueError is raised: neither
    has candidates that the other lacks, so the random expectation is the same for both and the difference of
    overlaps is the difference of lifts. `matching`: within whose strata both searched. Interval and two-sided
    p-value: `statistics.dyadic`, so a film that is a neighbour of many targets counts for what it is: one
    film.
    """
    if first.question != second.question or not np.array_equal(first.graph.pool, second.graph.pool):
        raise ValueError("tables must ask the same question of the same pool; search both among common films")
    targets, a, b = np.intersect1d(first.targets, second.targets, return_indices=True)
    if len(targets) == 0:
        return None
    a, b = np.flatnonzero(first.scored)[a], np.flatnonzero(second.scored)[b]
    ours, theirs = first.pairs[a].mean(axis=1), second.pairs[b].mean(axis=1)
    estimate = difference_estimate(
        targets,
        first.nearest[a],
        second.nearest[b],
        first.question.k,
        first.masks,
        first.films.patients,
        first.chance[matching].mean[targets],
        first.question.definition,
    )
    return {
        "n_targets": len(targets),
        "n_patients": len(np.unique(first.films.patients[targets])),
        "n_candidates": len(first.graph.pool),
        "first_overlap": ours.mean(),
        "second_overlap": theirs.mean(),
        "difference": estimate.mean,
        "difference_ci95": list(estimate.interval()),
        "effective_patients": estimate.dof,
        "p_value": estimate.p_value(),
        "p_value_adjusted": None,
        "effect": effect_row(ours - theirs),
    }
