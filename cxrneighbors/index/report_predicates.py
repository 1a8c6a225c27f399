"""`mentions`, `finding`, `side` and `change` in `where` expressions: what the reports of a table say.

mentions('chest tube')                        # a finding, a device, or any words; negated ones do not count
mentions('chest tube', 'absent')              # said to be gone or not there
finding('Pneumothorax') == 'present'          # 'present', 'uncertain', 'absent'; missing where it is silent
finding('Edema') in ['present', 'uncertain'] and not mentions('pacemaker')
side('Effusion') == 'left'                    # 'left', 'right', 'bilateral'; missing where none is named
change('Effusion') in ['new', 'worsened']     # or 'improved', 'unchanged', 'resolved', 'recurrent'
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from cxrneighbors.errors import UserError, choose
from cxrneighbors.index.predicate_columns import Column
from cxrneighbors.progress import track
from cxrneighbors.reports.labeler import queries
from cxrneighbors.reports.labeler.labels import label_report
from cxrneighbors.reports.labeler.rules import load_rules
from cxrneighbors.reports.labeler.vocabulary import CHANGES, NO_FINDING, SIDES, STATUSES

_SILENT = -1
_THERE = ("present", "uncertain")
_CHOICES = {"status": STATUSES, "side": SIDES, "change": CHANGES}  # what a `Label` says, and its values


class ReportPredicates:
    """Questions to the reports of one table of N rows, answered for all rows at once.

    The first question about a finding labels each different report once (some thousands a second); every
    later one is looked up. A question for words outside the vocabulary reads the reports for these words.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table
        self._answers: dict[tuple[str, tuple[str, ...]], np.ndarray] = {}

    def functions(self) -> dict[str, Callable[..., np.ndarray | Column]]:
        """The functions by the names they have in an expression."""
        return {
            "mentions": self.mentions,
            "finding": self.finding,
            "side": self.side,
            "change": self.change,
        }

    def mentions(self, *arguments: Any) -> np.ndarray:
        """`mentions(term, *statuses)`: rows whose report says that `term` is there, bool (N,).

        See `queries.mentions` for `term`. `statuses`: those that count, 'present' and 'uncertain' by default.
        False for rows without a report.
        """
        if not arguments or not all(isinstance(argument, str) for argument in arguments):
            _raise_usage("mentions('chest tube')")
        term, statuses = arguments[0], tuple(arguments[1:]) or _THERE
        for status in statuses:
            _check("status", status, STATUSES)
        key = (term, statuses)
        if key not in self._answers:
            self._answers[key] = self._spread(self._asked(term, statuses), False)
        return self._answers[key].copy()

    def finding(self, *arguments: Any) -> Column:
        """`finding(name)`: what each report says of it, a text column; missing where a report is silent.

        The strongest statement counts, see `label_report`. A name that no rule file holds raises a
        `UserError` that lists the names.
        """
        return self._column("finding", "status", arguments)

    def side(self, *arguments: Any) -> Column:
        """`side(name)`: where each report puts the finding, a text column; missing where it does not say.

        Of the statements that `finding` counts; those that deny the finding may name a side as well.
        """
        return self._column("side", "side", arguments)

    def change(self, *arguments: Any) -> Column:
        """`change(name)`: how each report says that the finding changed since an earlier film.

        A text column; missing where it does not say. See `changes.Changes`.
        """
        return self._column("change", "change", arguments)

    def _column(self, function: str, said: str, arguments: tuple[Any, ...]) -> Column:
        if len(arguments) != 1 or not isinstance(arguments[0], str):
            _raise_usage(f"{function}('Pneumothorax') == {_CHOICES[said][0]!r}")
        name = queries.known_name(arguments[0])
        if name is None:
            _check("finding", arguments[0], self._names)
        choices = _CHOICES[said]
        codes = self._spread(self._said[said][:, self._names.index(str(name))], _SILENT)
        values = np.array([*choices, ""], dtype=object)[codes]  # the code -1 is the last entry
        return Column(f"{function}({name!r})", "text", values, codes == _SILENT, choices)

    @cached_property
    def _which(self) -> tuple[np.ndarray, list[str]]:
        """Each row's report as a number, -1 for none: int64 (N,); and the U different reports."""
        if "report" not in self._table.columns:
            raise UserError(
                "where: mentions(), finding(), side(), change() read reports; the table has no column report"
            )
        reports = self._table["report"]
        there = np.array([isinstance(text, str) and bool(text.strip()) for text in reports], dtype=bool)
        codes = np.full(len(reports), -1, dtype=np.int64)
        codes[there], distinct = pd.factorize(reports[there].to_numpy(dtype=object))
        return codes, list(distinct)

    @cached_property
    def _names(self) -> list[str]:
        return [NO_FINDING, *load_rules().names()]

    @cached_property
    def _said(self) -> dict[str, np.ndarray]:
        """What each different report says of each name: for each of `_CHOICES` int8 (U, F), a place or -1."""
        reports = self._which[1]
        said = {what: np.full((len(reports), len(self._names)), _SILENT, dtype=np.int8) for what in _CHOICES}
        for row, text in enumerate(track(reports, "reading reports", len(reports))):
            for label in label_report(text):
                column = self._names.index(label.finding)
                for what, choices in _CHOICES.items():
                    if (value := getattr(label, what)) is not None:
                        said[what][row, column] = choices.index(value)
        return said

    def _asked(self, term: str, statuses: tuple[str, ...]) -> np.ndarray:
        """The answer of each different report: bool (U,)."""
        name = queries.known_name(term)
        strongest = statuses == STATUSES[: len(statuses)]  # then the label, the strongest mention, tells
        if name is not None and name != NO_FINDING and strongest:
            return np.isin(self._said["status"][:, self._names.index(name)], np.arange(len(statuses)))
        reports = self._which[1]
        answers = (queries.mentions(text, term, statuses) for text in track(reports, f"looking for {term}"))
        return np.fromiter(answers, dtype=bool, count=len(reports))

    def _spread(self, answers: np.ndarray, silent: Any) -> np.ndarray:
        """Answers of the different reports (U,) to those of the rows (N,), `silent` where there is none."""
        known: np.ndarray = np.append(answers, np.asarray([silent], dtype=answers.dtype))
        return np.take(known, self._which[0])


def _check(kind: str, name: str, known: list[str] | tuple[str, ...]) -> None:
    try:
        choose(kind, name, known)
    except UserError as error:
        raise UserError(f"where: {error}") from None


def _raise_usage(usage: str) -> NoReturn:
    raise UserError(f"where: {usage.split('(')[0]}() asks for a name in quotes; write {usage}")
