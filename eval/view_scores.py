"""Overlap of neighbours under a condition on each query, against exact random choice under the same.

Used by `views.py`. A condition is a `where` expression with places for the target's own view, sex and decade
of age: "view == '{view}' and sex == '{sex}' and {low} <= age < {high}".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.evaluation.candidate_role import candidate_role
from cxrneighbors.evaluation.expectation import random_expectation
from cxrneighbors.evaluation.films import DECADE, Films, age_band
from cxrneighbors.evaluation.lift_interval import lift_contributions
from cxrneighbors.evaluation.overlap import labels_for, pair_overlap
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.statistics.dyadic import NEXT, Candidates, dyadic_estimate
from cxrneighbors.statistics.estimate import NORMAL_KURTOSIS, Estimate

PER_TARGET = ("targets", "neighbors", "group", "shared", "expected", "counts")


@dataclass(frozen=True)
class Found:
    """Per scored target (T,), rows of the study table in `targets`.

    neighbors: int (T, R), ranked rows, -1 for none; group: int (T,), which of `allowed` (bool (N,) each) it
    chose among; shared: float (T, R), overlap with each rank; expected, counts: float, int (T, V), mean
    overlap with its candidates of each view and how many there are; left_out: targets with fewer than K or
    without the view, sex or age that the condition asks for.
    """

    targets: np.ndarray
    neighbors: np.ndarray
    group: np.ndarray
    shared: np.ndarray
    expected: np.ndarray
    counts: np.ndarray
    allowed: list[np.ndarray]
    left_out: int

    def take(self, which: np.ndarray) -> Found:
        """Some of the targets."""
        return replace(self, **{name: getattr(self, name)[which] for name in PER_TARGET})

    def random(self) -> np.ndarray:
        """Expected overlap under random choice under the same condition: float (T,)."""
        return np.asarray((self.expected * self.counts).sum(axis=1) / np.maximum(self.counts.sum(axis=1), 1))


class ViewScorer:
    """Scores one index (N images) within the pool bool (N,), for targets bool (N,)."""

    def __init__(
        self, index: NeighborIndex, pool: np.ndarray, targets: np.ndarray, k: int, definition: str
    ) -> None:
        self.index, self.pool, self.k, self.definition = index, pool, k, definition
        studies = index.studies
        films = Films.of(studies)
        self.masks = labels_for(films.labels, definition).masks
        # Under `any-disease` an image without disease is a candidate, never a target.
        self.targets = np.flatnonzero(targets & pool & (self.masks != 0).any(axis=1))
        self.patients = films.patients
        codes, names = pd.factorize(films.views, sort=True)
        self.views, self.view_codes = [str(name) for name in names], codes
        self.places = _places(studies)

    def find(self, modality: str, condition: str) -> Found:
        """Neighbours of every target under its own form of `condition`."""
        filled = [_fill(condition, self.places[row]) for row in self.targets]
        parts, allowed = [], []
        for expression in dict.fromkeys(text for text in filled if text is not None):
            rows = self.targets[[text == expression for text in filled]]
            allowed.append(self.pool & self.index.rows_where(expression))
            parts.append(self._find(modality, rows, allowed[-1], len(allowed) - 1))
        if not parts:  # nobody's view, sex and age are known
            parts = [self._find(modality, self.targets[:0], self.pool, 0)]
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        order = np.argsort(columns[0])
        ordered: dict[str, Any] = {name: part[order] for name, part in zip(PER_TARGET, columns, strict=True)}
        left_out = len(self.targets) - len(order)
        return Found(**ordered, allowed=allowed, left_out=left_out)

    def _find(
        self, modality: str, rows: np.ndarray, allowed: np.ndarray, group: int
    ) -> tuple[np.ndarray, ...]:
        chances = [
            random_expectation(
                self.masks, self.patients, self.definition, findable=allowed & (self.view_codes == code)
            )
            for code in range(len(self.views))
        ]
        counts = np.stack([chance.candidates[rows] for chance in chances], axis=1)
        expected = np.nan_to_num(np.stack([chance.mean[rows] for chance in chances], axis=1))
        enough = counts.sum(axis=1) >= self.k
        rows, expected, counts = rows[enough], expected[enough], counts[enough]
        hits, _ = self.index.neighbors(rows, self.k + NEXT, modality=modality, allowed=allowed)
        shared = pair_overlap(self.masks[rows][:, None], self.masks[hits], self.definition)
        return rows, hits, np.full(len(rows), group), shared, expected, counts

    def rows(self, found: Found) -> list[dict[str, Any]]:
        """Figures of all targets and of each view's: means, lifts, 95 % intervals, p-values."""
        chosen = {"all": np.ones(len(found.targets), dtype=bool)}
        chosen |= {
            name: self.view_codes[found.targets] == code
            for code, name in enumerate(self.views)
            if name != "UNKNOWN"
        }
        return [self._row(found.take(which), name) for name, which in chosen.items() if which.any()]

    def _row(self, found: Found, view: str) -> dict[str, Any]:
        own, each = self.view_codes[found.targets], np.arange(len(found.targets))
        hits = found.neighbors[:, : self.k]
        total = np.maximum(found.counts.sum(axis=1), 1)
        row: dict[str, Any] = {
            "target_view": view,
            "n_targets": len(found.targets),
            "n_patients": len(np.unique(self.patients[found.targets])),
            "overlap": float(found.shared[:, : self.k].mean()),
            "random": float(found.random().mean()),
            "matched": float(self._chance(found, True)[:, : self.k].mean()),
            "same_view": float((self.view_codes[hits] == own[:, None]).mean()),
            "same_view_random": float((found.counts[each, own] / total).mean()),
        }
        for name, matched in (("lift", False), ("lift_matched", True)):
            row |= _figures(name, self.estimate(found, matched))
        return row

    def estimate(self, found: Found, matched: bool) -> Estimate:
        """Lift over random choice under the condition; `matched`: of the views that the neighbours have."""
        residuals = found.shared - self._chance(found, matched)
        role = self._candidates(found, matched)
        contributions = lift_contributions(
            found.targets, found.neighbors, residuals, self.k, self.patients, role
        )
        return dyadic_estimate(float(residuals[:, : self.k].mean()), contributions)

    def difference(self, first: Found, second: Found) -> dict[str, Any]:
        """Lift of `first` less lift of `second`, paired on the targets that both scored."""
        common, a, b = np.intersect1d(first.targets, second.targets, return_indices=True)
        if not len(common):
            return {"n_targets": 0}
        means, parts = [], []
        for found in (first.take(a), second.take(b)):
            residuals = (found.shared - self._chance(found, False))[:, : self.k]
            means.append(float(residuals.mean()))
            role = self._candidates(found, False)
            parts.append(
                lift_contributions(found.targets, found.neighbors, residuals, self.k, self.patients, role)
            )
        estimate = dyadic_estimate(means[0] - means[1], parts[0].minus(parts[1]), NORMAL_KURTOSIS)
        return {"n_targets": len(common)} | _figures("difference", estimate)

    def _chance(self, found: Found, matched: bool) -> np.ndarray:
        """What each rank is compared with: float (T, R)."""
        if not matched:
            return np.repeat(found.random()[:, None], found.neighbors.shape[1], axis=1)
        each = np.arange(len(found.targets))[:, None]
        return np.asarray(found.expected[each, self.view_codes[found.neighbors]])

    def _candidates(self, found: Found, matched: bool) -> Candidates:
        """The candidates' role, summed over groups of targets that choose among the same films."""
        roles = []
        for group, allowed in enumerate(found.allowed):
            mine = found.group == group
            part = found.take(mine)
            if not mine.any():
                continue
            if not matched:
                weights = self.k / part.counts.sum(axis=1)
                roles.append(self._role(part.targets, weights, part.random(), allowed))
                continue
            for code in range(len(self.views)):
                here = (self.view_codes[part.neighbors[:, : self.k]] == code).sum(axis=1)
                has = here > 0
                if has.any():
                    roles.append(
                        self._role(
                            part.targets[has],
                            here[has] / part.counts[has, code],
                            part.expected[has, code],
                            allowed & (self.view_codes == code),
                        )
                    )
        return reduce(Candidates.plus, roles)

    def _role(
        self, targets: np.ndarray, weights: np.ndarray, expected: np.ndarray, allowed: np.ndarray
    ) -> Candidates:
        one = np.zeros(len(self.masks), dtype=np.int64)  # a single stratum
        return candidate_role(
            self.masks, self.patients, one, targets, weights, expected, self.definition, allowed
        )


def _figures(name: str, estimate: Estimate) -> dict[str, Any]:
    """Mean, 95 % interval and two-sided p-value, under names that begin with `name`."""
    return {
        name: estimate.mean,
        f"{name}_ci95": list(estimate.interval()),
        f"{name}_p": estimate.p_value(),
    }


def _places(studies: pd.DataFrame) -> list[dict[str, Any]]:
    """What each row puts into a condition; None where it is not known."""
    bands = age_band(studies["age"].to_numpy(np.float64))
    return [
        {
            "view": view,
            "sex": sex,
            "low": None if band < 0 else int(band * DECADE),
            "high": None if band < 0 else int((band + 1) * DECADE),
        }
        for view, sex, band in zip(studies["view"], studies["sex"], bands, strict=True)
    ]


def _fill(condition: str, places: dict[str, Any]) -> str | None:
    """The condition for one target; None if it asks for what is not known of it."""
    missing = [name for name, value in places.items() if value is None and f"{{{name}}}" in condition]
    return None if missing else condition.format(**places)
