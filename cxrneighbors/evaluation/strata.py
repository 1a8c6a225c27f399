"""Break-downs: which findings, and which views, carry the lift?"""

from __future__ import annotations

from typing import Any

from cxrneighbors.evaluation.expectation import random_expectation
from cxrneighbors.evaluation.lift_interval import rare_lift_estimate
from cxrneighbors.evaluation.rows import interval_row, p_row
from cxrneighbors.evaluation.score import Scorer


def finding_rows(scorer: Scorer) -> list[dict[str, Any]]:
    """Per finding f: of the neighbours of targets with f, the share that has f, against random choice.

    Every definition of overlap gives the same table; "No Finding" has its line. One dict per finding that a
    target has: finding, n_targets, share (mean), random_share (exact), lift, lift_ci95,
    effective_patients, p_value (the patient-level permutation test), p_value_adjusted (filled in later),
    null_mean_lift.
    """
    graph, setting = scorer.graph, scorer.setting
    labels = setting.labels.take(graph.pool)
    tests, before = scorer.headline, 1 + len(scorer.view_names)
    rows = []
    for finding, name in enumerate(labels.names):
        has = labels.has(name)[graph.targets]
        if not has.any():
            continue
        only = labels.only(name).masks
        chance = random_expectation(only, scorer.patients, "any", None, setting.include_same_patient)
        estimate = rare_lift_estimate(
            graph.targets[has], graph.neighbors[has], setting.k, only, scorer.patients, chance
        )
        expected = chance.mean[graph.targets[has]].mean()
        # The test orders exchanges by the share; their expectation never changes.
        p_value, null_share = tests.p_value[before + finding], tests.null_mean[before + finding]
        rows.append(
            {
                "finding": name,
                "n_targets": int(has.sum()),
                "share": estimate.mean + expected,
                "random_share": expected,
                "lift": estimate.mean,
                **interval_row(estimate),
                "p_value": p_value,
                "p_value_adjusted": None,
                "null_mean_lift": null_share - expected,
            }
        )
    return rows


def view_rows(scorer: Scorer) -> list[dict[str, Any]]:
    """Per view of the target: overlap against random images, and against random images of the same view.

    One dict per view with scored targets: view, n_targets, mean_overlap, random_overlap, lift and what
    `rows.interval_row` and `rows.p_row` give; random_overlap_same_view and lift_same_view are None where
    the view holds too few images to choose K from.
    """
    graph = scorer.graph
    everywhere, within = scorer.overall, scorer.expectation(scorer.strata("view"))
    rows = []
    for column, name in enumerate(scorer.view_names, start=1):
        chosen = (scorer.target_views == name) & scorer.scored
        targets = graph.targets[chosen]
        overlap = scorer.pairs[chosen].mean(axis=1)
        lift = overlap - everywhere.mean[targets]
        enough = within.candidates[targets] >= scorer.setting.k
        same = within.mean[targets][enough]
        rows.append(
            {
                "view": str(name),
                "n_targets": len(targets),
                "mean_overlap": overlap.mean(),
                "random_overlap": everywhere.mean[targets].mean(),
                "lift": lift.mean(),
                **interval_row(scorer.estimate(chosen, everywhere)),
                **p_row(scorer.headline, column),
                "random_overlap_same_view": same.mean() if enough.any() else None,
                "lift_same_view": (overlap[enough] - same).mean() if enough.any() else None,
            }
        )
    return rows
