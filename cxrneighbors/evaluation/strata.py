"""Break-downs: which findings, and which views, carry the lift?"""

from __future__ import annotations

from typing import Any

import numpy as np

from cxrneighbors.evaluation.groups import group_sums
from cxrneighbors.evaluation.heterogeneity import finding_counts
from cxrneighbors.evaluation.score import Scorer


def finding_rows(scorer: Scorer) -> list[dict[str, Any]]:
    """Per finding f: of the neighbours of targets with f, the share that has f, against random choice.

    Every definition of overlap gives the same table; "No Finding" has its line. One dict per finding that a
    target has: finding, n_targets, share (mean), random_share (exact), lift, lift_ci95, p_value (the
    patient-level permutation test), p_value_adjusted (filled in later).
    """
    graph, setting = scorer.graph, scorer.setting
    labels = setting.labels.take(graph.pool)
    member = labels.membership()
    share = finding_counts(member, scorer.nearest) / setting.k
    expected = _expected_share(member, scorer.patients, setting.include_same_patient)
    p_values = scorer.headline.p_value[1 + len(scorer.view_names) :]
    rows = []
    for finding, name in enumerate(labels.names):
        has = member[graph.targets, finding]
        if not has.any():
            continue
        targets = graph.targets[has]
        lift = share[has, finding] - expected[targets, finding]
        rows.append(
            {
                "finding": name,
                "n_targets": int(has.sum()),
                "share": share[has, finding].mean(),
                "random_share": expected[targets, finding].mean(),
                "lift": lift.mean(),
                "lift_ci95": scorer.interval(lift, targets, f"finding {name}"),
                "p_value": p_values[finding],
                "p_value_adjusted": None,
            }
        )
    return rows


def view_rows(scorer: Scorer) -> list[dict[str, Any]]:
    """Per view of the target: overlap against random images, and against random images of the same view.

    One dict per view with scored targets: view, n_targets, mean_overlap, random_overlap, lift, lift_ci95,
    p_value, p_value_adjusted; random_overlap_same_view and lift_same_view are None where the view holds too
    few images to choose K from.
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
                "lift_ci95": scorer.interval(lift, targets, f"view {name}"),
                "p_value": scorer.headline.p_value[column],
                "p_value_adjusted": None,
                "random_overlap_same_view": same.mean() if enough.any() else None,
                "lift_same_view": (overlap[enough] - same).mean() if enough.any() else None,
            }
        )
    return rows


def _expected_share(member: np.ndarray, patients: np.ndarray, include_same_patient: bool) -> np.ndarray:
    """Chance that a random candidate of each pool image carries each finding: float64 (n, C)."""
    own = np.arange(len(member)) if include_same_patient else patients
    codes = np.unique(own, return_inverse=True)[1].reshape(-1)
    own_size = group_sums(codes, np.ones(len(member)))[codes]
    expected = np.empty(member.shape)
    for finding in range(member.shape[1]):
        column = member[:, finding].astype(np.float64)
        own_count = group_sums(codes, column)[codes]
        expected[:, finding] = (column.sum() - own_count) / np.maximum(len(member) - own_size, 1)
    return expected
