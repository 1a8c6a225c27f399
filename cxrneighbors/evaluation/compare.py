"""Which method is better? Paired differences on the targets and candidates that both methods know."""

from __future__ import annotations

from typing import Any

import numpy as np

from cxrneighbors.evaluation.expectation import random_expectation
from cxrneighbors.evaluation.graph import Graph, Method, build_graph
from cxrneighbors.evaluation.lift_interval import difference_estimate
from cxrneighbors.evaluation.overlap import labels_for, pair_overlap
from cxrneighbors.evaluation.rows import effect_row
from cxrneighbors.evaluation.score import Score, Setting

PAIRS = (
    ("fused", "image"),
    ("fused", "report"),
    ("image", "pixels"),
    ("image", "pca"),
    ("image", "pca-whitened"),
    ("report", "tfidf"),
    ("report", "report-masked"),
)


def compare_methods(
    methods: dict[str, Method],
    scores: dict[str, Score],
    allowed: np.ndarray,
    eligible: np.ndarray,
    setting: Setting,
) -> list[dict[str, Any]]:
    """One dict per pair of `PAIRS` that was scored; the fairness rule is that of `compare_pair`."""
    rows = []
    for first, second in PAIRS:
        if first in scores and second in scores:
            row = compare_pair(methods[first], methods[second], scores, allowed, eligible, setting)
            if row is not None:
                rows.append(row)
    return rows


def compare_pair(
    first: Method,
    second: Method,
    scores: dict[str, Score],
    allowed: np.ndarray,
    eligible: np.ndarray,
    setting: Setting,
) -> dict[str, Any] | None:
    """Difference of mean overlap, first minus second, on common ground.

    Both methods search again among the images that both know (for `fused` against `image`: those with both
    a film and a report), so neither has targets or candidates the other lacks. Since pool and targets agree,
    the random expectation is the same for both and the difference of overlaps is the difference of lifts.
    Interval and two-sided p-value: `statistics.dyadic`, so a film that is a neighbour of many targets counts
    for what it is: one film. None without a target.
    """
    common = allowed & first.has & second.has
    graphs = [
        _graph(method, scores[method.name].graph, common, eligible & common, setting.k)
        for method in (first, second)
    ]
    masks = labels_for(setting.labels, setting.definition).masks
    targets = np.intersect1d(graphs[0].target_rows(), graphs[1].target_rows())
    targets = targets[(masks[targets] != 0).any(axis=1)]
    if len(targets) == 0:
        return None
    found = [_neighbors_of(graph, targets, setting.k) for graph in graphs]
    overlaps = [
        pair_overlap(masks[targets][:, None], masks[rows], setting.definition).mean(axis=1) for rows in found
    ]
    pool = np.flatnonzero(common)
    chance = random_expectation(
        masks[pool], setting.patients[pool], setting.definition, None, setting.include_same_patient
    )
    expected = chance.mean[np.searchsorted(pool, targets)]
    estimate = difference_estimate(
        targets, found[0], found[1], setting.k, masks, setting.patients, expected, setting.definition
    )
    return {
        "first": first.name,
        "second": second.name,
        "n_targets": len(targets),
        "n_patients": len(np.unique(setting.patients[targets])),
        "n_candidates": int(common.sum()),
        "first_overlap": overlaps[0].mean(),
        "second_overlap": overlaps[1].mean(),
        "difference": estimate.mean,
        "difference_ci95": list(estimate.interval()),
        "effective_patients": estimate.dof,
        "p_value": estimate.p_value(),
        "p_value_adjusted": None,
        "effect": effect_row(overlaps[0] - overlaps[1]),
    }


def _graph(method: Method, known: Graph, common: np.ndarray, eligible: np.ndarray, k: int) -> Graph:
    """The method's graph over the common pool: the known one where its pool is that already."""
    if np.array_equal(known.pool, np.flatnonzero(common)):
        return known
    return build_graph(method, common, eligible, k, k)


def _neighbors_of(graph: Graph, targets: np.ndarray, k: int) -> np.ndarray:
    """The K neighbours of `targets` (rows (T,), ascending) as rows of the study table: int64 (T, K)."""
    which = np.searchsorted(graph.target_rows(), targets)  # targets of a graph ascend, as its pool does
    return graph.neighbor_rows()[which, :k]
