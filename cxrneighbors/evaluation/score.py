"""Score one neighbour graph: overlap, exact expectation, lift, interval, tests, histograms."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from cxrneighbors.evaluation.expectation import Expectation, random_expectation, random_histogram
from cxrneighbors.evaluation.graph import Graph
from cxrneighbors.evaluation.labels import Labels
from cxrneighbors.evaluation.lift_interval import lift_estimate
from cxrneighbors.evaluation.matching import MATCHINGS
from cxrneighbors.evaluation.overlap import labels_for, pair_overlap
from cxrneighbors.evaluation.permuted_lift import FindingStatistic, LiftStatistic, Statistic, stack
from cxrneighbors.evaluation.rows import effect_row, interval_row, p_row
from cxrneighbors.statistics.estimate import Estimate
from cxrneighbors.statistics.permutation import (
    PermutationTest,
    exchange_groups,
    permutation_test,
    share_exchanged,
)
from cxrneighbors.statistics.seeds import generator


@dataclass(frozen=True)
class Setting:
    """What one evaluation holds fixed for every method. Arrays are over the N rows of the study table.

    labels: as the data set gives them; patients: int (N,); views: str (N,); strata: matching -> int (N,).
    """

    k: int
    definition: str
    include_same_patient: bool
    n_permutations: int
    seed: int
    labels: Labels
    patients: np.ndarray
    views: np.ndarray
    strata: dict[str, np.ndarray]


@dataclass
class Score:
    """One method's result over its T scored targets.

    graph: all its targets; scored: bool over the graph's targets, which of them count (`any-disease`);
    overlap, lift: float64 (T,); hits: int64 (T,), neighbours with an overlap above 0; row: for overlap.json.
    """

    name: str
    graph: Graph
    scored: np.ndarray
    overlap: np.ndarray
    expected: np.ndarray
    hits: np.ndarray
    row: dict[str, Any] = field(default_factory=dict)

    @property
    def lift(self) -> np.ndarray:
        """Overlap minus exact expectation per scored target: float64 (T,)."""
        return self.overlap - self.expected

    def target_rows(self) -> np.ndarray:
        """Scored targets as rows of the study table: int64 (T,)."""
        return self.graph.target_rows()[self.scored]


class Scorer:
    """Everything about one graph that several statistics share; made once, asked for parts."""

    def __init__(self, name: str, graph: Graph, setting: Setting) -> None:
        self.name, self.graph, self.setting = name, graph, setting
        self.masks = labels_for(setting.labels, setting.definition).masks[graph.pool]
        self.patients = setting.patients[graph.pool]
        self.nearest = graph.neighbors[:, : setting.k]
        # Only `any-disease` leaves an empty set: an image without disease is a candidate, never a target.
        self.counts = (self.masks != 0).any(axis=1)
        self.scored = self.counts[graph.targets]
        own = self.masks[graph.targets][:, None]
        self.pairs = pair_overlap(own, self.masks[self.nearest], setting.definition)
        self.is_target = np.zeros(len(graph.pool), dtype=np.int64)
        self.is_target[graph.targets] = 1

    def expectation(self, strata: np.ndarray | None = None) -> Expectation:
        """Exact expectation per pool image, within `strata` (n,) if given."""
        include = self.setting.include_same_patient
        return random_expectation(self.masks, self.patients, self.setting.definition, strata, include)

    def relevant(self, targets: np.ndarray, neighbors: np.ndarray) -> np.ndarray:
        """Which neighbours (T, R) overlap with their target (T,) at all: bool (T, R), False for -1."""
        shared = pair_overlap(self.masks[targets][:, None], self.masks[neighbors], self.setting.definition)
        return (shared > 0) & (neighbors >= 0)

    def strata(self, matching: str) -> np.ndarray:
        """Strata of the pool: int64 (n,)."""
        return self.setting.strata[matching][self.graph.pool]

    def exchange(self, strata: np.ndarray | None, unit: str) -> list[np.ndarray]:
        """Groups of patients (or single images) that may exchange labels."""
        units = self.patients if unit == "patient" else np.arange(len(self.patients))
        attributes = self.is_target if strata is None else strata * 2 + self.is_target
        return exchange_groups(units, attributes)

    def unit(self) -> str:
        """What the headline test exchanges: patients; single images if a patient's own films may be found.

        With the same patient included, neighbours that share the patient are part of what is measured, and
        an exchange of whole patients would keep them: it could not see them at all.
        """
        return "image" if self.setting.include_same_patient else "patient"

    def statistic(self, expectation: Expectation, usable: np.ndarray, groups: np.ndarray) -> LiftStatistic:
        """Mean lift of each column of `groups` (T, S) over usable targets (T,)."""
        return LiftStatistic(
            self.masks,
            self.graph.targets[usable],
            self.nearest[usable],
            expectation.mean,
            self.counts,
            groups[usable],
            self.setting.definition,
        )

    def test(self, statistic: Statistic, exchange: list[np.ndarray], tag: str) -> PermutationTest:
        """Permutation test of a statistic; the same tag draws the same exchanges."""
        rng = generator(self.setting.seed, "permutation", self.name, tag)
        n_pairs = len(self.graph.targets) * self.setting.k
        return permutation_test(
            statistic, exchange, len(self.masks), n_pairs, self.setting.n_permutations, rng
        )

    @cached_property
    def overall(self) -> Expectation:
        """Exact expectation over all candidates."""
        return self.expectation()

    @cached_property
    def view_names(self) -> list[str]:
        """Views of the scored targets, in alphabetical order."""
        return sorted(set(self.target_views[self.scored]))

    @cached_property
    def target_views(self) -> np.ndarray:
        """View of each target: str (T,)."""
        return self.setting.views[self.graph.target_rows()]

    @cached_property
    def headline(self) -> PermutationTest:
        """The headline test and its break-downs on the same exchanges.

        Columns: all targets; one per view of `view_names`; one per finding of the vocabulary.
        """
        views = [self.target_views == name for name in self.view_names]
        groups = np.stack([np.ones(len(self.graph.targets), dtype=bool), *views], axis=1)
        lift = self.statistic(self.overall, groups[:, 0], groups)
        labels = self.setting.labels.take(self.graph.pool)
        findings = FindingStatistic(labels.masks, self.graph.targets, self.nearest, len(labels.names))
        return self.test(stack(lift, findings), self.exchange(None, self.unit()), "all")

    def estimate(
        self,
        chosen: np.ndarray,
        expectation: Expectation,
        strata: np.ndarray | None = None,
    ) -> Estimate:
        """Mean lift of the `chosen` targets (bool (T,)), with its error."""
        return lift_estimate(
            self.graph.targets[chosen],
            self.graph.neighbors[chosen],
            self.setting.k,
            self.masks,
            self.patients,
            expectation,
            self.setting.definition,
            strata,
        )


def score_graph(scorer: Scorer) -> Score:
    """Score a graph: the row of `overlap.json` without its break-downs, and what these are made from."""
    graph, setting = scorer.graph, scorer.setting
    expectation = scorer.overall
    scored = scorer.scored
    targets = graph.targets[scored]
    overlap = scorer.pairs[scored].mean(axis=1)
    expected = expectation.mean[targets]
    hits = (scorer.pairs[scored] > 0).sum(axis=1)
    score = Score(scorer.name, graph, scored, overlap, expected, hits)
    exchange, test = scorer.exchange(None, scorer.unit()), scorer.headline
    score.row = {
        "mean_overlap": overlap.mean(),
        "random_overlap": expected.mean(),
        "lift": score.lift.mean(),
        **interval_row(scorer.estimate(scored, expectation)),
        **p_row(test, 0),
        "histogram": np.bincount(hits, minlength=setting.k + 1),
        "random_histogram": random_histogram(
            expectation.candidates[targets], expectation.overlapping[targets], setting.k
        ),
        "n_targets": len(targets),
        "n_patients": len(np.unique(scorer.patients[targets])),
        "n_candidates": len(graph.pool),
        "n_left_out": graph.left_out,
        "tests": {
            "permutation": _permutation_row(scorer, test, exchange, scored, expectation, scorer.unit()),
            "effect": effect_row(score.lift),
            "matched": {matching: _matched_row(scorer, matching) for matching in MATCHINGS},
        },
    }
    if setting.include_same_patient:
        by_patient = scorer.exchange(None, "patient")
        everyone = np.ones((len(graph.targets), 1), dtype=bool)
        test = scorer.test(scorer.statistic(expectation, everyone[:, 0], everyone), by_patient, "by-patient")
        score.row["tests"]["permutation_by_patient"] = _permutation_row(
            scorer, test, by_patient, scored, expectation, "patient"
        )
    return score


def _matched_row(scorer: Scorer, matching: str) -> dict[str, Any]:
    """The same numbers against random choice within the target's stratum.

    Targets with fewer than K candidates in their stratum have no such choice and are left out of both sides.
    """
    graph = scorer.graph
    strata = scorer.strata(matching)
    expectation = scorer.expectation(strata)
    usable = expectation.candidates[graph.targets] >= scorer.setting.k
    chosen = usable & scorer.scored
    if not chosen.any():
        return {"n_targets": 0, "n_left_out": int(scorer.scored.sum()), "p_value": None}
    targets = graph.targets[chosen]
    lift = scorer.pairs[chosen].mean(axis=1) - expectation.mean[targets]
    exchange = scorer.exchange(strata, scorer.unit())
    everyone = np.ones((len(usable), 1), dtype=bool)
    test = scorer.test(scorer.statistic(expectation, usable, everyone), exchange, matching)
    return {
        "mean_overlap": scorer.pairs[chosen].mean(),
        "random_overlap": expectation.mean[targets].mean(),
        "lift": lift.mean(),
        **interval_row(scorer.estimate(chosen, expectation, strata)),
        **p_row(test, 0),
        "n_targets": len(targets),
        "n_left_out": int((scorer.scored & ~usable).sum()),
        "permutation": _permutation_row(scorer, test, exchange, chosen, expectation, scorer.unit()),
        "effect": effect_row(lift),
    }


def _permutation_row(
    scorer: Scorer,
    test: PermutationTest,
    exchange: list[np.ndarray],
    chosen: np.ndarray,
    expectation: Expectation,
    unit: str,
) -> dict[str, Any]:
    """What was exchanged, and what the exchange leaves.

    share_exchanged: of the images; fixed_lift: the part of the lift, and of `null_mean_lift`, from targets
    and neighbours that nobody can exchange with: what the test cannot question.
    """
    n = len(scorer.graph.pool)
    moves = np.zeros(n, dtype=bool)
    for group in exchange:
        moves[group] = True
    targets, nearest = scorer.graph.targets[chosen], scorer.nearest[chosen]
    residuals = scorer.pairs[chosen] - expectation.mean[targets][:, None]
    fixed = ~moves[targets][:, None] & ~moves[nearest]
    return {
        "p_value": test.p_value[0],
        "unit": unit,
        "n_permutations": test.n_permutations,
        "share_exchanged": share_exchanged(exchange, n),
        "fixed_lift": (residuals * fixed).mean(),
        "null_mean_lift": test.null_mean[0],
        "null_sd": test.null_sd[0],
    }
