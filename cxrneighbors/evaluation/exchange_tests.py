"""Permutation tests of a score table: whole patients exchange their labels, the neighbours stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cxrneighbors.arguments import seed_of, whole
from cxrneighbors.errors import UserError
from cxrneighbors.evaluation.permuted_lift import FindingStatistic, LiftStatistic, Statistic
from cxrneighbors.evaluation.score_table import ALL, ScoreTable
from cxrneighbors.statistics.estimate import Estimate
from cxrneighbors.statistics.permutation import (
    PermutationTest,
    exchange_groups,
    permutation_test,
)
from cxrneighbors.statistics.seeds import generator


@dataclass(frozen=True)
class Draws:
    """Random exchanges: how many, and the seed; `name` keeps those of several methods apart."""

    n_permutations: int = 9999
    seed: int = 0
    name: str = ""

    def __post_init__(self) -> None:
        whole("n_permutations", self.n_permutations, 9999)
        seed_of(self.seed)
        if self.n_permutations < 1:
            raise UserError(f"n_permutations={self.n_permutations}: must be at least 1")

    def of(self, name: str) -> Draws:
        """The draws of one method."""
        return Draws(self.n_permutations, self.seed, name)


@dataclass(frozen=True)
class Headline:
    """The headline test. Columns of `test`: all targets; each of `views`; each finding of the vocabulary."""

    test: PermutationTest
    views: list[str]


def headline_test(table: ScoreTable, draws: Draws) -> Headline:
    """The headline test and its break-downs on the same exchanges."""
    of_target = table.frame["view"].to_numpy()
    views = sorted(set(of_target[table.scored]))
    groups = np.stack([np.ones(len(of_target), dtype=bool), *(of_target == view for view in views)], axis=1)
    labels = table.films.labels
    findings = FindingStatistic(labels.masks, table.graph.targets, table.nearest, len(labels.names))
    lifts = _lift_statistic(table, ALL, groups, table.enough(ALL))

    def both(source: np.ndarray) -> np.ndarray:
        return np.concatenate([lifts(source), findings(source)], axis=1)

    return Headline(_test(table, both, ALL, unit_of(table), ALL, draws), views)


def unit_of(table: ScoreTable) -> str:
    """What the headline test exchanges: patients; single images if a patient's own films may be found.

    With the same patient included, neighbours that share the patient are part of what is measured, and
    an exchange of whole patients would keep them: it could not see them at all.
    """
    return "image" if table.question.include_same_patient else "patient"


def lift_test(
    table: ScoreTable, matching: str, draws: Draws, unit: str | None = None, tag: str | None = None
) -> PermutationTest:
    """Test of the mean lift over the targets with K candidates in their stratum; `unit`: see `unit_of`."""
    usable = table.enough(matching)
    everyone = np.ones((len(usable), 1), dtype=bool)
    statistic = _lift_statistic(table, matching, everyone, usable)
    return _test(table, statistic, matching, unit or unit_of(table), tag or matching, draws)


def lift_row(estimate: Estimate, test: PermutationTest, column: int = 0) -> dict[str, Any]:
    """The interval of a lift, how many patients' worth of information stand behind it, and its p-value.

    null_mean_lift: the mean lift of exchanged findings. It is above 0 where films of patients with many
    films, who have more findings, lie together, and where patients with whom nobody can exchange keep theirs.
    """
    return {
        "lift_ci95": list(estimate.interval()),
        "effective_patients": estimate.dof,
        "p_value": test.p_value[column],
        "p_value_adjusted": None,
        "null_mean_lift": test.null_mean[column],
    }


def permutation_row(
    table: ScoreTable, matching: str, chosen: np.ndarray, test: PermutationTest, unit: str
) -> dict[str, Any]:
    """What was exchanged, and what the exchange leaves.

    share_exchanged: of the images; far below 1 the test has little power. fixed_lift: the part of the lift,
    and of `null_mean_lift`, from targets and neighbours that nobody can exchange with: what the test cannot
    question.
    """
    moves = np.zeros(len(table.masks), dtype=bool)
    for group in _exchange(table, matching, unit):
        moves[group] = True
    targets = table.graph.targets[chosen]
    residuals = table.pairs[chosen] - table.chance[matching].mean[targets][:, None]
    fixed = ~moves[targets][:, None] & ~moves[table.nearest[chosen]]
    return {
        "p_value": test.p_value[0],
        "unit": unit,
        "n_permutations": test.n_permutations,
        "share_exchanged": moves.mean(),
        "fixed_lift": (residuals * fixed).mean(),
        "null_mean_lift": test.null_mean[0],
        "null_sd": test.null_sd[0],
    }


def _exchange(table: ScoreTable, matching: str, unit: str) -> list[np.ndarray]:
    """Groups of patients (or single images) that may exchange labels."""
    patients = table.films.patients
    is_target = np.zeros(len(patients), dtype=np.int64)
    is_target[table.graph.targets] = 1
    attributes = is_target if matching == ALL else table.films.strata[matching] * 2 + is_target
    return exchange_groups(patients if unit == "patient" else np.arange(len(patients)), attributes)


def _lift_statistic(
    table: ScoreTable, matching: str, groups: np.ndarray, usable: np.ndarray
) -> LiftStatistic:
    """Mean lift of each column of `groups` (T, S) over usable targets (T,).

    Labels take their expectation along. Between patients with equally many images that is exact. With one
    image per study, or when single images are exchanged, chances may differ a little from place to place: the
    mean over all targets does not feel it, as its expectations only change places, single views hardly.
    """
    return LiftStatistic(
        table.masks,
        table.graph.targets[usable],
        table.nearest[usable],
        table.chance[matching].mean,
        (table.masks != 0).any(axis=1),
        groups[usable],
        table.question.definition,
    )


def _test(
    table: ScoreTable, statistic: Statistic, matching: str, unit: str, tag: str, draws: Draws
) -> PermutationTest:
    """Permutation test of a statistic; the same tag draws the same exchanges."""
    return permutation_test(
        statistic,
        _exchange(table, matching, unit),
        len(table.masks),
        table.pairs.size,
        draws.n_permutations,
        generator(draws.seed, "permutation", draws.name, tag),
    )
