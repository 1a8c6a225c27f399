"""Scores of neighbours in `encoders.py`: lifts with intervals, retrieval, paired differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.evaluation.compare import compare
from cxrneighbors.evaluation.expectation import random_expectation
from cxrneighbors.evaluation.films import Films
from cxrneighbors.evaluation.graph import Graph
from cxrneighbors.evaluation.overlap import MEANING
from cxrneighbors.evaluation.question import Question
from cxrneighbors.evaluation.retrieval import AP_DEPTH, retrieval_scores
from cxrneighbors.evaluation.score_table import ScoreTable, score_targets
from cxrneighbors.statistics.holm import holm
from cxrneighbors.statistics.patients import count_patients
from encoder_films import DATA_SETS, MAIN, within_codes


@dataclass(frozen=True)
class Asked:
    """`definition` of overlap; `among`: which films are searched, 'overall' or 'within'; `one_per`: see
    `NeighborIndex.search`; `neighbors`: the name of what is found so."""

    definition: str
    among: str
    neighbors: str
    one_per: str = "image"


QUESTIONS = {
    "overall": Asked("any", "overall", "overall"),
    "patients": Asked("any", "overall", "patients", "patient"),
    "within": Asked("any", "within", "within"),
    "diseased": Asked("any-disease", "overall", "overall"),
}
SAYS = {
    "overall": f"a neighbour counts when it {MEANING['any']}",
    "patients": "the same, the nearest films of five different patients",
    "within": "as the first, neighbours and expectation from the target's own view (or source) alone",
    "diseased": f"a neighbour counts when it {MEANING['any-disease']}",
}


@dataclass(frozen=True)
class Scored:
    """Films scored together: of one data set, or of several folds of it.

    films: with strata 'overall' (the fold) and 'within' (the fold's view or source); known: bool (N,), films
    whose view or source is known; within: which of both it is.
    """

    studies: pd.DataFrame
    films: Films
    known: np.ndarray
    within: str

    @classmethod
    def of(cls, name: str, tables: list[pd.DataFrame]) -> Scored:
        """`tables`: one a fold, in the order in which neighbours are pooled."""
        data_set = name if name in DATA_SETS else MAIN
        studies = pd.concat(tables, ignore_index=True)
        fold = np.repeat(np.arange(len(tables), dtype=np.int64), [len(table) for table in tables])
        codes = within_codes(studies, data_set)
        n = int(codes.max()) + 1
        strata = {"overall": fold, "within": fold * (n + 1) + np.where(codes < 0, n, codes)}
        films = replace(Films.of(studies), strata=strata)
        return cls(studies, films, codes >= 0, DATA_SETS[data_set].within)

    def about(self) -> dict[str, Any]:
        """How many films and patients, what 'within' means, and what the view or source alone is worth."""
        counts = {"n_films": len(self.studies), "n_patients": count_patients(self.studies)}
        worth = {"lift_of_context": self.lift_of_context(), "lift_of_constant": self.lift_of_constant()}
        return {**counts, "within": self.within, **worth}

    def lift_of_constant(self) -> float:
        """Lift of showing everybody the same films with the commonest finding, alike or not.

        The measure cannot tell such an answer from likeness; how few films take how many places can
        (`hub_share` of `score`).
        """
        findings = self.studies["findings"]
        commonest = findings.explode().value_counts().index[0]
        expected = random_expectation(
            self.films.labels.masks, self.films.patients, "any", self.films.strata["overall"]
        ).mean
        has = np.array([commonest in each for each in findings], dtype=float)
        return float(np.nanmean(has - expected))

    def lift_of_context(self) -> float:
        """Lift of random films of the target's own view or source: what knowing only that is worth."""
        masks, patients = self.films.labels.masks, self.films.patients
        overall, within = (
            random_expectation(masks, patients, "any", strata).mean for strata in self.films.strata.values()
        )
        lift = (within - overall)[self.known & np.isfinite(within)]
        return float(lift.mean()) if len(lift) else float("nan")

    def table(self, question: str, neighbors: dict[str, np.ndarray], k: int) -> ScoreTable:
        """The score table of a question; targets with fewer than K neighbours are left out."""
        asked = QUESTIONS[question]
        found = neighbors[asked.neighbors]
        targets = np.flatnonzero(found[:, k - 1] >= 0)
        distances = np.full((len(targets), found.shape[1]), np.nan, dtype=np.float32)
        graph = Graph(np.arange(len(found)), targets, found[targets], distances, len(found) - len(targets))
        return score_targets(
            graph, self.films, Question(k, asked.definition, one_per=asked.one_per), (asked.among,)
        )


def score(table: ScoreTable, question: str) -> dict[str, Any]:
    """Overlap, exact random overlap, lift with its 95 % interval and two-sided p, retrieval."""
    matching = QUESTIONS[question].among
    chosen = table.scored
    if not chosen.any():
        return {"n_targets": 0}
    lift, estimate = table.lift(matching)[chosen], table.estimate(chosen, matching)
    overlap = table.frame["overlap"].to_numpy()[chosen]
    ranks = table.graph.neighbors[chosen][:, :AP_DEPTH]
    return {
        "n_targets": len(lift),
        "overlap": overlap.mean(),
        "random_overlap": (overlap - lift).mean(),
        "lift": lift.mean(),
        "lift_ci95": list(estimate.interval()),
        "p_value": estimate.p_value(),
        "effective_patients": estimate.dof,
        "hub_share": hub_share(table.nearest[chosen], len(table.graph.pool)),
        "retrieval": retrieval_scores(table.shared[chosen][:, :AP_DEPTH] > 0, ranks >= 0),
    }


def hub_share(neighbors: np.ndarray, n_films: int) -> float:
    """Share of all places int (Q, K) that is taken by the hundredth of the films that is found most often.

    A little above 0.01 where every film is found alike, 1 where all targets are shown the same few.
    """
    times = np.sort(np.bincount(neighbors[neighbors >= 0]))[::-1]
    return float(times[: max(1, n_films // 100)].sum() / times.sum())


def differences(
    tables: dict[str, dict[str, ScoreTable]], reference: str, before: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Each encoder less the reference, and less what it was `before` training; Holm over all of them.

    Paired, question by question. tables: by encoder and question; before: by encoder, for those that have it.
    """
    pairs = [(name, reference) for name in tables]
    pairs += [(name, before[name]) for name in tables if before.get(name, reference) != reference]
    rows = []
    for first, second in pairs:
        for question, asked in QUESTIONS.items() if first != second and second in tables else ():
            row = compare(tables[first][question], tables[second][question], matching=asked.among)
            if row is not None:
                rows.append({"first": first, "second": second, "question": question, **row})
    for row, p in zip(rows, holm([row["p_value"] for row in rows]), strict=True):
        row["p_value_adjusted"] = float(p)
    return rows
