from __future__ import annotations

import ast

import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.index.predicate_syntax import COMPARISONS, known_methods, literal, parse


def test_an_expression_is_parsed_over_several_lines() -> None:
    assert ast.unparse(parse("  age > 30 and\n  view == 'PA' ")) == "age > 30 and view == 'PA'"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (" ", "it is empty"),
        ("age >", "at >>> in"),
        ("x" * 10_001, "at most 10000 are read"),
        ("(" * 5000 + "x" + ")" * 5000, "where: "),
    ],
)
def test_what_is_no_expression(expression: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(expression)


def test_literals() -> None:
    assert literal(parse("['a', -1, 2.5, True]")) == ["a", -1, 2.5, True]
    for expression in ("age", "age.x", "1 + 1", "f()"):
        with pytest.raises(UserError, match="where: "):
            literal(parse(expression))


def test_signs_and_methods() -> None:
    assert list(COMPARISONS.values()) == ["==", "!=", "<", "<=", ">", ">="]
    assert known_methods().startswith(".between(), .isin()")
