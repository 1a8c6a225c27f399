"""One row a target: how much it shares with its K neighbours, and with its candidates on average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cxrneighbors.evaluation.expectation import Expectation, random_expectation
from cxrneighbors.evaluation.films import MATCHINGS, Films
from cxrneighbors.evaluation.graph import Graph
from cxrneighbors.evaluation.lift_interval import lift_estimate
from cxrneighbors.evaluation.overlap import labels_for, pair_overlap
from cxrneighbors.evaluation.question import Question
from cxrneighbors.index.filters import first_of_each
from cxrneighbors.statistics.estimate import Estimate

ALL = "all"  # chance over all candidates, beside the matched ones


@dataclass(frozen=True)
class ScoreTable:
    """The scores of one method over T targets in a pool of n films.

    frame: T rows, for whatever statistics one likes: image_id, patient (code), view, scored (False where
    `any-disease` has no disease to look for), overlap (mean over K), hits (neighbours with an overlap above
    0); expected, candidates, overlapping: see `Expectation`; expected_view, candidates_view, ...: the same
    within the target's stratum.
    graph: targets and neighbours as positions in the pool; films: the pool; masks: uint64 (n, W), the label
    sets that the definition compares; shared: float64 (T, R), overlap with each rank, 0 where there is none;
    chance: `Expectation` over the pool, by `ALL` and matching.
    """

    question: Question
    frame: pd.DataFrame
    graph: Graph
    films: Films
    masks: np.ndarray
    shared: np.ndarray
    chance: dict[str, Expectation]

    @property
    def scored(self) -> np.ndarray:
        """Which targets count: bool (T,)."""
        return self.frame["scored"].to_numpy()

    @property
    def targets(self) -> np.ndarray:
        """The targets that count: int64, positions in the pool."""
        return np.asarray(self.graph.targets[self.scored])

    @property
    def nearest(self) -> np.ndarray:
        """The K neighbours: int64 (T, K), positions in the pool."""
        return self.graph.neighbors[:, : self.question.k]

    @property
    def pairs(self) -> np.ndarray:
        """Overlap with each of the K neighbours: float64 (T, K)."""
        return self.shared[:, : self.question.k]

    def lift(self, matching: str = ALL) -> np.ndarray:
        """Overlap minus what neighbours drawn among the target's candidates share: float64 (T,)."""
        return np.asarray(self.frame["overlap"].to_numpy() - self.chance[matching].mean[self.graph.targets])

    def enough(self, matching: str = ALL) -> np.ndarray:
        """Which targets have K candidates, of different patients where one of each counts: bool (T,)."""
        return np.asarray(self.chance[matching].candidates[self.graph.targets] >= self.question.k)

    def estimate(self, chosen: np.ndarray, matching: str = ALL) -> Estimate:
        """Mean lift of the `chosen` targets (bool (T,)) with its standard error (`statistics.dyadic`)."""
        return lift_estimate(
            self.graph.targets[chosen],
            self.graph.neighbors[chosen],
            self.question.k,
            self.masks,
            self.films.patients,
            self.chance[matching],
            self.question.definition,
            None if matching == ALL else self.films.strata[matching],
        )


def score_targets(
    graph: Graph, films: Films, question: Question, matchings: tuple[str, ...] = MATCHINGS
) -> ScoreTable:
    """Score the targets of a neighbour graph against the films of its pool.

    films: of the whole study table; the pool's are taken from it. Nothing is drawn at random. Raises
    ValueError for neighbours of which the question counts one only.
    """
    pool = films.take(graph.pool)
    units = pool.units(question.one_per)
    nearest = graph.neighbors[:, : question.k]
    if not first_of_each(np.where(nearest < 0, -1, units[nearest])).all():
        raise ValueError(f"neighbours must be one per {question.one_per}; ask for such, or for one per image")
    masks = labels_for(pool.labels, question.definition).masks
    shared = pair_overlap(masks[graph.targets][:, None], masks[graph.neighbors], question.definition)
    shared = np.where(graph.neighbors < 0, 0.0, shared)
    chance = {
        name: random_expectation(
            masks,
            pool.patients,
            question.definition,
            strata,
            question.include_same_patient,
            units=units,
            k=question.k,
        )
        for name, strata in [(ALL, None), *((matching, pool.strata[matching]) for matching in matchings)]
    }
    pairs = shared[:, : question.k]
    columns = {
        "image_id": pool.ids[graph.targets],
        "patient": pool.patients[graph.targets],
        "view": pool.views[graph.targets],
        # Only `any-disease` leaves an empty set: an image without disease is a candidate, never a target.
        "scored": (masks != 0).any(axis=1)[graph.targets],
        "overlap": pairs.mean(axis=1),
        "hits": (pairs > 0).sum(axis=1),
        "expected": chance[ALL].mean[graph.targets],
        "candidates": chance[ALL].candidates[graph.targets],
        "overlapping": chance[ALL].overlapping[graph.targets],
    }
    for matching in matchings:
        columns[f"expected_{matching}"] = chance[matching].mean[graph.targets]
        columns[f"candidates_{matching}"] = chance[matching].candidates[graph.targets]
    return ScoreTable(question, pd.DataFrame(columns), graph, pool, masks, shared, chance)
