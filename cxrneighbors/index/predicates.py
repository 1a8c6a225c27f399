"""`where` expressions: which rows of a study table pass, as a boolean mask.

    age.between(30, 40) and view == 'PA' and findings.has('Effusion')
    sex == 'F' & (30 <= age < 40)              # & | ~ as in pandas, with the brackets they need
    view in ['AP', 'PA'] and not has_report
    'Edema' in findings or report.contains('heart failure')
    mentions('chest tube') and finding('Pneumothorax') == 'present'

The expression is parsed by Python's own parser and then walked node by node. Only what is listed here means
something: columns, text and number literals, comparisons, and/or/not, & | ~, in, the methods in `METHODS` and
the functions of `report_predicates`. Nothing is ever evaluated as Python.

Missing values, and rows without labels for `findings`, compare False, also under `!=` and `not in`: a row
whose sex is not known is neither 'F' nor other than 'F'. `not` and `~` turn a mask over, so `not sex == 'F'`
holds for it. `contains`, `startswith` and `in` of a text ignore case; `==` and finding names do not.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.errors import UserError
from cxrneighbors.index.predicate_columns import METHODS, Column, ask, column_of, compare, is_in
from cxrneighbors.index.predicate_hints import unknown_values
from cxrneighbors.index.predicate_syntax import COMPARISONS, known_methods, literal, parse
from cxrneighbors.index.report_predicates import ReportPredicates
from cxrneighbors.progress import say

# A function of the language: literal arguments -> bool (N,), or a Column to compare or ask.
Function = Callable[..., "np.ndarray | Column"]


class Predicates:
    """Expressions over one table of N rows.

    `flags`: further yes/no columns by name, bool (N,) (`has_report`, `has_image`). `functions`: by name,
    those of `ReportPredicates` by default. Columns are prepared once, and reports read once.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        flags: Mapping[str, np.ndarray] | None = None,
        functions: Mapping[str, Function] | None = None,
    ) -> None:
        self.table = table
        self.functions = ReportPredicates(table).functions() if functions is None else functions
        self._columns = {name: column_of(name, pd.Series(flag)) for name, flag in (flags or {}).items()}
        self._said: set[str] = set()

    def evaluate(self, expression: str) -> np.ndarray:
        """Rows that pass: bool (N,).

        A value that no row has is said once, with those that there are.
        Raises `UserError` showing the place for bad syntax, listing the columns for an unknown one, naming
        the column for a value of the wrong type, and when no row passes for a value that no row has.
        """
        tree = parse(expression)
        try:
            passing = self._condition(tree)
        except RecursionError:
            raise UserError("where: it is nested too deeply; write a shorter expression") from None
        hints = unknown_values(tree, self.column)
        if hints and not passing.any():
            raise UserError(f"where: {hints[0]}")
        for hint in hints:
            if hint not in self._said:
                say(f"note: where: {hint}")
        self._said.update(hints)
        return passing

    def column(self, name: str) -> Column:
        """A prepared column; a `UserError` lists the columns when there is none of that name."""
        if name not in self._columns:
            if name not in self.table.columns:
                known = [*self.table.columns.astype(str), *self._columns]
                raise UserError(
                    f"where: unknown column {name!r}; choose one of: {', '.join(dict.fromkeys(known))}"
                )
            self._columns[name] = column_of(name, self.table[name])
        return self._columns[name]

    def _condition(self, node: ast.expr) -> np.ndarray:
        value = self._value(node)
        if isinstance(value, Column) and value.kind == "yes/no":
            value = value.values & ~value.missing
        if isinstance(value, np.ndarray | bool):
            return np.full(len(self.table), value)
        hint = "; put brackets around comparisons joined by & or |" if isinstance(value, Column) else ""
        raise UserError(f"where: {ast.unparse(node)} is not a condition; compare it with something{hint}")

    def _value(self, node: ast.expr) -> Any:
        """A mask bool (N,), a `Column`, or a literal (text, number, list of these)."""
        match node:
            case ast.BoolOp(op=op, values=values):
                masks = [self._condition(value) for value in values]
                join = np.logical_and if isinstance(op, ast.And) else np.logical_or
                return join.reduce(masks)
            case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr() as op, right=right):
                first, second = self._condition(left), self._condition(right)
                return first & second if isinstance(op, ast.BitAnd) else first | second
            case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
                return ~self._condition(operand)
            case ast.Compare():
                return self._compare(node)
            case ast.Call():
                return self._call(node)
            case ast.Name(id=name):
                return self.column(name)
            case _:
                return literal(node)

    def _compare(self, node: ast.Compare) -> np.ndarray:
        passing = np.ones(len(self.table), dtype=bool)
        values = [self._value(part) for part in (node.left, *node.comparators)]
        for operator, left, right in zip(node.ops, values[:-1], values[1:], strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                mask, known = is_in(left, right)
                passing &= (mask if isinstance(operator, ast.In) else ~mask) & known
            elif type(operator) in COMPARISONS:
                passing &= compare(COMPARISONS[type(operator)], left, right)
            else:
                raise UserError(
                    f"where: 'is' in {ast.unparse(node)!r} means nothing here; write == or .isna()"
                )
        return passing

    def _call(self, node: ast.Call) -> Any:
        if node.keywords:
            raise UserError(
                f"where: {ast.unparse(node)!r} names its arguments; give them in order, without names"
            )
        arguments = [literal(argument) for argument in node.args]
        match node.func:
            case ast.Name(id=name) if name in self.functions:
                return self.functions[name](*arguments)
            case ast.Name(id=name):
                known = ", ".join(sorted(self.functions)) or "none yet"
                raise UserError(
                    f"where: unknown function {name!r}; functions: {known}; methods: {known_methods()}"
                )
            case ast.Attribute(value=ast.Name(id=name), attr=method) if method in METHODS:
                return ask(self.column(name), method, *arguments)
            case ast.Attribute(value=ast.Call(func=ast.Name()) as asked, attr=method) if method in METHODS:
                column = self._call(asked)
                if isinstance(column, Column):
                    return ask(column, method, *arguments)
                raise UserError(
                    f"where: {ast.unparse(asked)} is a condition and has no .{method}(); join it with and/or"
                )
            case ast.Attribute(value=ast.Name(id=name), attr=method):
                raise UserError(
                    f"where: unknown method {method!r} of {name}; choose one of: {known_methods()}"
                )
            case _:
                raise UserError(
                    f"where: {ast.unparse(node)!r} cannot be called; methods of a column: {known_methods()}"
                )
