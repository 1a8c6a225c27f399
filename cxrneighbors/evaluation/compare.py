"""Which method is better? Paired differences on the targets and candidates that both methods know."""

from __future__ import annotations

from typing import Any

import numpy as np

from cxrneighbors.evaluation.graph import Graph, Method, build_graph
from cxrneighbors.evaluation.overlap import labels_for, pair_overlap
from cxrneighbors.evaluation.paired import (
    bootstrap_interval,
    cohens_dz,
    generator,
    rank_biserial,
    sign_flip_test,
)
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
    Interval: patients resampled; p-value: two-sided sign flips of whole patients. None without a target.
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
    overlaps = [_overlap_of(graph, targets, masks, setting) for graph in graphs]
    difference = overlaps[0] - overlaps[1]
    patients = setting.patients[targets]
    tag = f"{first.name} - {second.name}"
    low, high = bootstrap_interval(
        difference, patients, setting.n_bootstrap, generator(setting.seed, "bootstrap", tag)
    )
    p_value = sign_flip_test(
        difference, patients, setting.n_permutations, generator(setting.seed, "flip", tag)
    )
    return {
        "first": first.name,
        "second": second.name,
        "n_targets": len(targets),
        "n_patients": len(np.unique(patients)),
        "n_candidates": int(common.sum()),
        "first_overlap": overlaps[0].mean(),
        "second_overlap": overlaps[1].mean(),
        "difference": difference.mean(),
        "difference_ci95": [low, high],
        "p_value": p_value,
        "p_value_adjusted": None,
        "effect": {"rank_biserial": rank_biserial(difference), "cohens_dz": cohens_dz(difference)},
    }


def _graph(method: Method, known: Graph, common: np.ndarray, eligible: np.ndarray, k: int) -> Graph:
    """The method's graph over the common pool: the known one where its pool is that already."""
    if np.array_equal(known.pool, np.flatnonzero(common)):
        return known
    return build_graph(method, common, eligible, k, k)


def _overlap_of(graph: Graph, targets: np.ndarray, masks: np.ndarray, setting: Setting) -> np.ndarray:
    """Mean overlap of each of `targets` (rows (T,), ascending) with its K neighbours: float64 (T,)."""
    which = np.searchsorted(graph.target_rows(), targets)  # targets of a graph ascend, as its pool does
    found = graph.neighbor_rows()[which, : setting.k]
    return pair_overlap(masks[targets][:, None], masks[found], setting.definition).mean(axis=1)
