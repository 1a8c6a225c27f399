"""Columns of a study table as `where` expressions see them: typed, missing values marked, with methods."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cxrneighbors.errors import UserError

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Column:
    """One column: `kind` is 'text', 'number', 'yes/no', 'list' (of texts), or 'other'.

    `values`: object (N,) of str ('' where missing), float64, bool, or object of lists; `missing`: bool (N,).
    `choices`: the only texts that can be in it, where that is known: comparing with another is a mistake.
    """

    name: str
    kind: str
    values: np.ndarray
    missing: np.ndarray
    choices: tuple[str, ...] = ()

    @cached_property
    def known(self) -> frozenset[str]:
        """The texts that a text or list column holds."""
        there = self.values[~self.missing]
        names = there if self.kind == "text" else chain.from_iterable(there)
        return frozenset(name for name in names if isinstance(name, str))

    def take(self, rows: np.ndarray) -> Column:
        """The column of `rows` int64 (n,)."""
        return replace(self, values=self.values[rows], missing=self.missing[rows])


def column_of(name: str, series: pd.Series) -> Column:
    """Type a column by what it holds; an empty list counts as missing (not labelled)."""
    missing = series.isna().to_numpy(dtype=bool)
    if pd.api.types.is_bool_dtype(series.dtype):
        return Column(name, "yes/no", series.fillna(False).to_numpy(dtype=bool), missing)
    if pd.api.types.is_numeric_dtype(series.dtype):
        return Column(name, "number", series.to_numpy(dtype=np.float64, na_value=np.nan), missing)
    values = series.to_numpy(dtype=object)
    there = values[~missing]
    if all(isinstance(value, str) for value in there):
        return Column(name, "text", np.where(missing, "", values), missing)
    if all(isinstance(value, list | tuple | np.ndarray) for value in there):
        missing = missing | np.array(
            [not isinstance(v, str | float) and v is not None and not len(v) for v in values]
        )
        return Column(name, "list", values, missing)
    return Column(name, "other", values, missing)


def compare(sign: str, left: Any, right: Any) -> np.ndarray:
    """`left sign right`, one of them a column: bool (N,), False where a value is missing."""
    columns = [side for side in (left, right) if isinstance(side, Column)]
    if not columns or not all(_is_operand(side) for side in (left, right)):
        raise UserError(f"where: {sign} compares a column with a text or a number; name a column on one side")
    kinds = {_kind(left), _kind(right)}
    if len(kinds) > 1 or not kinds <= {"text", "number", "yes/no"}:
        _raise_types(sign, left, right, columns[0])
    for column in columns:
        _check_choices(column, right if left is column else left)
    missing = np.logical_or.reduce([column.missing for column in columns])
    with np.errstate(invalid="ignore"):
        passing = OPERATORS[sign](_plain(left), _plain(right))
    return np.asarray(np.asarray(passing, dtype=bool) & ~missing)


def is_in(left: Any, right: Any) -> tuple[np.ndarray, np.ndarray]:
    """`left in right`: bool (N,), and where it is known: bool (N,).

    A column in a list of values, a finding in a list column, or a piece of text in a text column.
    """
    if isinstance(left, Column) and isinstance(right, list):
        return ask(left, "isin", right), ~left.missing
    if isinstance(right, Column) and right.kind in ("list", "text") and isinstance(left, str):
        return ask(right, "has" if right.kind == "list" else "contains", left), ~right.missing
    name = left.name if isinstance(left, Column) else right.name if isinstance(right, Column) else "in"
    raise UserError(
        f"where: {name}: 'in' takes a column and a list, or a text and a text or list column; "
        "write view in ['AP', 'PA'] or 'Effusion' in findings"
    )


class Method(NamedTuple):
    """What can be asked of a column: an example, the answer, types of arguments, and kind of column."""

    usage: str
    answer: Callable[..., np.ndarray]
    takes: tuple[type, ...] = ()
    kind: str = ""


def _between(column: Column, low: Any, high: Any) -> np.ndarray:
    return np.asarray(compare(">=", column, low) & compare("<=", column, high))


def _isin(column: Column, values: list[Any]) -> np.ndarray:
    none = np.zeros(len(column.values), dtype=bool)
    return np.asarray(np.logical_or.reduce([none, *(compare("==", column, value) for value in values)]))


def _contains(column: Column, piece: str) -> np.ndarray:
    return _each(column, lambda value: piece.lower() in value.lower())


def _startswith(column: Column, piece: str) -> np.ndarray:
    return _each(column, lambda value: value.lower().startswith(piece.lower()))


METHODS = {
    "between": Method("between(30, 40)", _between, (object, object)),
    "isin": Method("isin(['AP', 'PA'])", _isin, (list,)),
    "isna": Method("isna()", lambda column: column.missing.copy()),
    "notna": Method("notna()", lambda column: ~column.missing),
    "contains": Method("contains('effusion')", _contains, (str,), "text"),
    "startswith": Method("startswith('00012')", _startswith, (str,), "text"),
    "has": Method("has('Effusion')", lambda column, name: _each(column, lambda v: name in v), (str,), "list"),
}


def ask(column: Column, name: str, *arguments: Any) -> np.ndarray:
    """The answer of one of `METHODS`: bool (N,); a `UserError` for wrong arguments or kind of column."""
    method = METHODS[name]
    if len(arguments) != len(method.takes) or not all(map(isinstance, arguments, method.takes)):
        raise UserError(f"where: {column.name}: write {column.name}.{method.usage}")
    if method.kind not in ("", column.kind):
        raise UserError(
            f"where: {column.name} is a {column.kind} column, not a {method.kind} one: {name}() asks a "
            f"{method.kind}; see .has(), .contains() and .between()"
        )
    return method.answer(column, *arguments)


def _each(column: Column, test: Callable[[Any], bool]) -> np.ndarray:
    pairs = zip(column.values, column.missing, strict=True)
    return np.fromiter(
        (not gone and test(value) for value, gone in pairs), dtype=bool, count=len(column.values)
    )


def _kind(side: Any) -> str:
    if isinstance(side, Column):
        return side.kind
    return "yes/no" if isinstance(side, bool) else "text" if isinstance(side, str) else "number"


def _check_choices(column: Column, other: Any) -> None:
    if column.choices and isinstance(other, str) and other not in column.choices:
        raise UserError(
            f"where: {column.name} is never {other!r}; choose one of: {', '.join(column.choices)}"
        )


def _is_operand(side: Any) -> bool:
    return isinstance(side, Column | str | int | float)


def _plain(side: Any) -> Any:
    if isinstance(side, Column):
        return side.values
    try:
        return side if isinstance(side, str | bool) else float(side)
    except OverflowError:
        raise UserError("where: a number is too large to compare with; write a smaller one") from None


def _raise_types(sign: str, left: Any, right: Any, column: Column) -> None:
    if column.kind == "list":
        raise UserError(
            f"where: {column.name} is a list column; write {column.name}.has('Effusion'), not {sign}"
        )
    other = right if left is column else left
    shown = f"column {other.name} ({other.kind})" if isinstance(other, Column) else repr(other)
    raise UserError(
        f"where: {column.name} is a {column.kind} column, it cannot be compared with {shown}; "
        f"give it a value of its own type"
    )
