"""`where` expressions in Milvus' filter language (https://milvus.io/docs/boolean.md).

    age.between(30, 40) and not sex == 'F'
    ((number_age >= 30.0 and missing_age == false) and (number_age <= 40.0 and missing_age == false))
        and not (text_sex == "F" and missing_sex == false)

Every comparison says for itself that a value is there, so that `and`, `or` and `not` mean what they mean in
`Predicates`. Said in Milvus are comparisons of a column with a value, `in`, between, isin, isna, notna, has;
contains and startswith, since `like` minds the case, as the values that have the piece, where a column holds
few values. The rest (functions that read reports, two columns compared, columns without a field) is not.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Collection, Iterable
from typing import Any

from cxrneighbors.index.backends.milvus_fields import MISSING, field_name
from cxrneighbors.index.predicate_columns import Column
from cxrneighbors.index.predicate_syntax import COMPARISONS, literal, parse

EVERY, NONE = "position >= 0", "position < 0"
# Of a column with more different texts none is looked for a piece.
MAX_TEXTS = 1000
# Milvus' parsers go down by recursion.
MAX_DEPTH = 40
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


class _Unsaid(Exception):
    """What has no words in Milvus' language."""


def translate(where: str, fields: Collection[str], column: Callable[[str], Column]) -> str | None:
    """An expression that `Predicates` understands, for a collection with `fields`; None if it cannot be said.

    `column`: a column of the whole table by its name. Raises a `UserError` for what is no expression at all.

    >>> import numpy as np
    >>> sex = Column("sex", "text", np.array(["F", ""]), np.array([False, True]))
    >>> translate("sex != 'F'", ["text_sex", "missing_sex"], lambda name: sex)
    '(text_sex != "F" and missing_sex == false)'
    """
    tree = parse(where)
    try:
        if _depth(tree) > MAX_DEPTH:
            return None
        return _Translator(fields, column).condition(tree)
    except (_Unsaid, RecursionError):
        return None


class _Translator:
    def __init__(self, fields: Collection[str], column: Callable[[str], Column]) -> None:
        self._fields, self._column_of = fields, column

    def condition(self, node: ast.expr) -> str:
        match node:
            case ast.BoolOp(op=op, values=values):
                return _joined("and" if isinstance(op, ast.And) else "or", map(self.condition, values))
            case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr() as op, right=right):
                sign = "and" if isinstance(op, ast.BitAnd) else "or"
                return _joined(sign, [self.condition(left), self.condition(right)])
            case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
                return f"not ({self.condition(operand)})"
            case ast.Compare(left=left, ops=operators, comparators=others):
                sides = [left, *others]
                pairs = zip(operators, sides[:-1], sides[1:], strict=True)
                return _joined("and", [self._pair(*pair) for pair in pairs])
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method), args=arguments):
                return self._asked(self._column(name), method, *map(literal, arguments))
            case ast.Name(id=name):
                return self._compared(self._column(name), "==", True)
            case ast.Constant(value=bool() as value):
                return EVERY if value else NONE
        raise _Unsaid

    def _pair(self, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> str:
        sign = COMPARISONS.get(type(operator))
        match left, right:
            case (ast.Name(), ast.Name()):
                raise _Unsaid
            case (ast.Name(id=name), _) if sign:
                return self._compared(self._column(name), sign, literal(right))
            case (_, ast.Name(id=name)) if sign:
                return self._compared(self._column(name), _TURNED.get(sign, sign), literal(left))
            case (ast.Name(id=name), _):
                column = self._column(name)
                found = self._asked(column, "isin", literal(right))
            case (_, ast.Name(id=name)):
                column = self._column(name)
                found = self._asked(column, "has" if column.kind == "list" else "contains", literal(left))
            case _:
                raise _Unsaid
        return found if isinstance(operator, ast.In) else self._there(column, f"not ({found})")

    def _asked(self, column: Column, method: str, *arguments: Any) -> str:
        match method, arguments:
            case "between", (low, high):
                return _joined("and", [self._compared(column, ">=", low), self._compared(column, "<=", high)])
            case "isin", (list() as values,):
                return self._one_of(column, values)
            case "isna", ():
                return f"{MISSING}{column.name} == true" if self._has_gaps(column) else NONE
            case "notna", ():
                return f"{MISSING}{column.name} == false" if self._has_gaps(column) else EVERY
            case "has", (str() as name,) if column.kind == "list":
                return f"array_contains({field_name(column)}, {quoted(name)})"
            case "contains" | "startswith", (str() as piece,) if column.kind == "text":
                return self._with_piece(column, method, piece.lower())
        raise _Unsaid

    def _with_piece(self, column: Column, method: str, piece: str) -> str:
        if len(column.known) > MAX_TEXTS:
            raise _Unsaid
        test = str.startswith if method == "startswith" else str.__contains__
        return self._asked(column, "isin", sorted(text for text in column.known if test(text.lower(), piece)))

    def _one_of(self, column: Column, values: list[Any]) -> str:
        if not values:
            return NONE
        written = ", ".join(_written(column, "==", value) for value in values)
        return self._there(column, f"{field_name(column)} in [{written}]")

    def _compared(self, column: Column, sign: str, value: Any) -> str:
        return self._there(column, f"{field_name(column)} {sign} {_written(column, sign, value)}")

    def _there(self, column: Column, condition: str) -> str:
        """The condition, of rows whose value is known."""
        known = [f"{MISSING}{column.name} == false"] if self._has_gaps(column) else []
        return _joined("and", [condition, *known])

    def _has_gaps(self, column: Column) -> bool:
        return MISSING + column.name in self._fields

    def _column(self, name: str) -> Column:
        column = self._column_of(name)
        if field_name(column) not in self._fields:
            raise _Unsaid
        return column


def _written(column: Column, sign: str, value: Any) -> str:
    match column.kind, value:
        case "text", str():
            return quoted(value)
        case "number", int() | float() if not isinstance(value, bool):
            return _number(value)
        case "yes/no", bool() if sign in ("==", "!="):
            return str(value).lower()
    raise _Unsaid


def quoted(text: str) -> str:
    r"""A text as Milvus' language writes it; `_Unsaid` for a character that it has no sign for.

    >>> print(quoted('a "b" \\'))
    "a \"b\" \\"
    """
    written = text.translate(_ESCAPES)
    if not written.isprintable():
        raise _Unsaid
    return f'"{written}"'


def _number(value: float) -> str:
    try:
        number = float(value) + 0.0
    except OverflowError:
        raise _Unsaid from None
    if not math.isfinite(number):
        raise _Unsaid
    return repr(number)


def _joined(sign: str, conditions: Iterable[str]) -> str:
    given = list(conditions)
    return f"({f' {sign} '.join(given)})" if len(given) > 1 else given[0]


def _depth(node: ast.AST) -> int:
    return 1 + max(map(_depth, ast.iter_child_nodes(node)), default=0)
