"""Overlap of neighbours under a condition on each query, against exact random choice under the same.

Used by `views.py`. A condition is a `where` expression with places for the target's own view, sex and decade
of age: "view == '{view}' and sex == '{sex}' and {low} <= age < {high}".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.evaluation.labels import encode_labels
from cxrneighbors.evaluation.matching import DECADE, age_band, patient_codes
from cxrneighbors.evaluation.overlap import labels_for, pair_overlap
from cxrneighbors.evaluation.paired import bootstrap_interval, generator, sign_flip_test
from cxrneighbors.index.neighbor_index import NeighborIndex

N_BOOTSTRAP, N_FLIPS = 2000, 9999


@dataclass(frozen=True)
class Found:
    """Per scored target (T,), rows of the study table in `targets`: `overlap` with its K neighbours, `random`
    choice under the same condition, `matched`: random images of the views that the neighbours have; `same`:
    share of neighbours in the target's view, `same_random`: the same by chance; `left_out`: targets with
    fewer than K candidates or without the view, sex or age that the condition asks for."""

    targets: np.ndarray
    overlap: np.ndarray
    random: np.ndarray
    matched: np.ndarray
    same: np.ndarray
    same_random: np.ndarray
    left_out: int


class ViewScorer:
    """Scores one index (N images) within the pool bool (N,), for targets bool (N,)."""

    def __init__(
        self, index: NeighborIndex, pool: np.ndarray, targets: np.ndarray, k: int, definition: str
    ) -> None:
        self.index, self.pool, self.k, self.definition = index, pool, k, definition
        studies = index.studies
        self.masks = labels_for(encode_labels(studies["findings"]), definition).masks
        # Under `any-disease` an image without disease is a candidate, never a target.
        self.targets = np.flatnonzero(targets & pool & (self.masks != 0).any(axis=1))
        self.patients = patient_codes(studies)
        self.views, self.view_codes = _views(studies)
        self.places = _places(studies)

    def find(self, modality: str, condition: str) -> Found:
        """Neighbours of every target under its own form of `condition`."""
        filled = [_fill(condition, self.places[row]) for row in self.targets]
        parts, done = [], 0
        for expression in dict.fromkeys(text for text in filled if text is not None):
            rows = self.targets[[text == expression for text in filled]]
            found = self._find(modality, rows, self.pool & self.index.rows_where(expression))
            parts.append(found)
            done += len(found.targets)
        if not parts:  # nobody's view, sex and age are known
            parts = [Found(np.zeros(0, np.int64), *[np.zeros(0)] * 5, left_out=0)]
        columns = [np.concatenate(column) for column in zip(*map(_columns, parts), strict=True)]
        order = np.argsort(columns[0])
        return Found(*(column[order] for column in columns), left_out=len(self.targets) - done)

    def _find(self, modality: str, rows: np.ndarray, allowed: np.ndarray) -> Found:
        sums, counts = self._totals(rows, allowed)
        enough = counts.sum(axis=1) >= self.k
        rows, sums, counts = rows[enough], sums[enough], counts[enough]
        hits, _ = self.index.neighbors(rows, self.k, modality=modality, allowed=allowed)
        overlap = pair_overlap(self.masks[rows][:, None], self.masks[hits], self.definition).mean(axis=1)
        by_view = sums / np.maximum(counts, 1)
        own = self.view_codes[rows]
        each = np.arange(len(rows))
        return Found(
            rows,
            overlap,
            sums.sum(axis=1) / np.maximum(counts.sum(axis=1), 1),
            by_view[each[:, None], self.view_codes[hits]].mean(axis=1),
            (self.view_codes[hits] == own[:, None]).mean(axis=1),
            counts[each, own] / np.maximum(counts.sum(axis=1), 1),
            0,
        )

    def _totals(self, rows: np.ndarray, allowed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each target's candidates, by view: sum of overlaps and number, (T, V) each.

        Candidates with equal labels count together; those of the target's own patient are taken out again.
        """
        pool = np.flatnonzero(allowed)
        sets, which = np.unique(self.masks[pool], axis=0, return_inverse=True)
        counts = np.zeros((len(sets), len(self.views)))
        np.add.at(counts, (which.reshape(-1), self.view_codes[pool]), 1)
        table = pair_overlap(self.masks[rows][:, None], sets[None], self.definition)  # (T, U)
        sums, numbers = table @ counts, np.tile(counts.sum(axis=0), (len(rows), 1))
        own = pd.Series(pool).groupby(self.patients[pool]).indices
        for i, row in enumerate(rows):
            mine = pool[own.get(self.patients[row], [])]
            shared = pair_overlap(self.masks[row][None], self.masks[mine], self.definition)
            np.subtract.at(sums[i], self.view_codes[mine], shared)
            np.subtract.at(numbers[i], self.view_codes[mine], 1)
        return sums, numbers

    def rows(self, found: Found, tag: str) -> list[dict[str, Any]]:
        """Figures of all targets and of each view's: means, lifts, 95 % intervals, sign-flip p-values."""
        chosen = {"all": np.ones(len(found.targets), dtype=bool)}
        chosen |= {
            name: self.view_codes[found.targets] == code
            for code, name in enumerate(self.views)
            if name != "UNKNOWN"
        }
        return [self._row(found, name, which, tag) for name, which in chosen.items() if which.any()]

    def _row(self, found: Found, view: str, which: np.ndarray, tag: str) -> dict[str, Any]:
        targets = found.targets[which]
        row: dict[str, Any] = {
            "target_view": view,
            "n_targets": len(targets),
            "n_patients": len(np.unique(self.patients[targets])),
            "overlap": float(found.overlap[which].mean()),
            "random": float(found.random[which].mean()),
            "matched": float(found.matched[which].mean()),
            "same_view": float(found.same[which].mean()),
            "same_view_random": float(found.same_random[which].mean()),
        }
        for name, baseline in (("lift", found.random), ("lift_matched", found.matched)):
            difference = (found.overlap - baseline)[which]
            row |= {
                f"{name}{end}": value for end, value in self.test(difference, targets, tag + view).items()
            }
        return row

    def test(self, difference: np.ndarray, targets: np.ndarray, tag: str) -> dict[str, Any]:
        """Mean of per-target differences, 95 % interval and two-sided p-value; whole patients resampled."""
        patients = self.patients[targets]
        interval = bootstrap_interval(difference, patients, N_BOOTSTRAP, generator(0, "bootstrap", tag))
        p_value = sign_flip_test(difference, patients, N_FLIPS, generator(0, "flip", tag))
        return {"": float(difference.mean()), "_ci95": list(interval), "_p": p_value}

    def difference(self, first: Found, second: Found, tag: str) -> dict[str, Any]:
        """Lift of `first` less lift of `second`, paired on the targets that both scored."""
        common, a, b = np.intersect1d(first.targets, second.targets, return_indices=True)
        if not len(common):
            return {"n_targets": 0}
        values = (first.overlap - first.random)[a] - (second.overlap - second.random)[b]
        return {"n_targets": len(common)} | {
            f"difference{end}": value for end, value in self.test(values, common, tag).items()
        }


def _columns(found: Found) -> tuple[np.ndarray, ...]:
    return found.targets, found.overlap, found.random, found.matched, found.same, found.same_random


def _views(studies: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    codes, names = pd.factorize(studies["view"], sort=True)
    return [str(name) for name in names], codes


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
