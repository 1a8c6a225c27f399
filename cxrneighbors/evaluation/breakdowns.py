"""Break-downs of a score table: which findings, and which views, carry the lift?"""

from __future__ import annotations

from typing import Any

from cxrneighbors.evaluation.exchange_tests import Headline, lift_row
from cxrneighbors.evaluation.expectation import expectation_of
from cxrneighbors.evaluation.lift_interval import rare_lift_estimate
from cxrneighbors.evaluation.score_table import ALL, ScoreTable


def finding_rows(table: ScoreTable, tests: Headline) -> list[dict[str, Any]]:
    """Per finding f: of the neighbours of targets with f, the share that has f, against random choice.

    Every definition of overlap gives the same table; "No Finding" has its line. One dict per finding that a
    target has: finding, n_targets, share (mean), random_share (exact), lift, lift_ci95,
    effective_patients, p_value (the patient-level permutation test), p_value_adjusted (filled in later),
    null_mean_lift.
    """
    graph, labels, question = table.graph, table.films.labels, table.question
    rows = []
    for column, name in enumerate(labels.names, start=1 + len(tests.views)):
        has = labels.has(name)[graph.targets]
        if not has.any():
            continue
        only, patients = labels.only(name).masks, table.films.patients
        chance = expectation_of(only, table.chance[ALL].choice, "any")
        estimate = rare_lift_estimate(
            graph.targets[has], graph.neighbors[has], question.k, only, patients, chance
        )
        expected = chance.mean[graph.targets[has]].mean()
        # The test orders exchanges by the share; their expectation never changes.
        rows.append(
            {
                "finding": name,
                "n_targets": int(has.sum()),
                "share": estimate.mean + expected,
                "random_share": expected,
                "lift": estimate.mean,
                **lift_row(estimate, tests.test, column),
                "null_mean_lift": tests.test.null_mean[column] - expected,
            }
        )
    return rows


def view_rows(table: ScoreTable, tests: Headline) -> list[dict[str, Any]]:
    """Per view of the target: overlap against random images, and against random images of the same view.

    One dict per view with scored targets: view, n_targets, mean_overlap, random_overlap, lift and what
    `lift_row` gives; random_overlap_same_view and lift_same_view are None where the view holds too few
    images to choose K from.
    """
    rows = []
    for column, name in enumerate(tests.views, start=1):
        chosen = (table.frame["view"].to_numpy() == name) & table.scored
        frame = table.frame[chosen]
        same = frame[frame["candidates_view"] >= table.question.k]
        rows.append(
            {
                "view": str(name),
                "n_targets": len(frame),
                "mean_overlap": frame["overlap"].mean(),
                "random_overlap": frame["expected"].mean(),
                "lift": (frame["overlap"] - frame["expected"]).mean(),
                **lift_row(table.estimate(chosen), tests.test, column),
                "random_overlap_same_view": same["expected_view"].mean() if len(same) else None,
                "lift_same_view": (same["overlap"] - same["expected_view"]).mean() if len(same) else None,
            }
        )
    return rows
