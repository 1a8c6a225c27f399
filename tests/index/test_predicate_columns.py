"""Typed columns against plain loops over Python values."""

from __future__ import annotations

import operator

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.index.predicate_columns import METHODS, Column, ask, column_of, compare, is_in

AGES = [30.0, None, 45.0, 60.0]
VIEWS = ["PA", "AP", None, "PA"]
FINDINGS = [["Edema", "Mass"], [], None, ["Mass"]]
AGE, VIEW, FINDING = (
    column_of(name, pd.Series(values))
    for name, values in (("age", AGES), ("view", VIEWS), ("findings", FINDINGS))
)
NAMES = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
SIGNS = {sign: getattr(operator, name) for sign, name in NAMES.items()}


@pytest.mark.parametrize(
    ("values", "kind", "missing"),
    [
        (AGES, "number", [False, True, False, False]),
        (pd.array([1, None, 2, 3], dtype="Int64"), "number", [False, True, False, False]),
        (VIEWS, "text", [False, False, True, False]),
        (FINDINGS, "list", [False, True, True, False]),
        (pd.array([True, None, False, True], dtype="boolean"), "yes/no", [False, True, False, False]),
        ([None] * 4, "text", [True] * 4),
        ([{"a": 1}, None, None, None], "other", [False, True, True, True]),
        (["PA", 3, None, None], "other", [False, False, True, True]),
    ],
)
def test_a_column_is_typed_by_what_it_holds(values: object, kind: str, missing: list[bool]) -> None:
    column = column_of("c", pd.Series(values))
    assert (column.kind, column.missing.tolist()) == (kind, missing)


@pytest.mark.parametrize("sign", SIGNS)
def test_comparisons(sign: str) -> None:
    said = SIGNS[sign]
    assert compare(sign, AGE, 45).tolist() == [age is not None and said(age, 45) for age in AGES]
    assert compare(sign, 45, AGE).tolist() == [age is not None and said(45, age) for age in AGES]
    assert compare(sign, VIEW, "AP").tolist() == [view is not None and said(view, "AP") for view in VIEWS]


def test_membership_and_what_is_known_of_it() -> None:
    for passing, known, expected in (
        (*is_in(VIEW, ["PA"]), [v == "PA" for v in VIEWS]),
        (*is_in("Mass", FINDING), ["Mass" in (names or []) for names in FINDINGS]),
        (*is_in("p", VIEW), [v is not None and "p" in v.lower() for v in VIEWS]),
    ):
        assert passing.tolist() == expected and not passing[~known].any()
    assert is_in("Mass", FINDING)[1].tolist() == [True, False, False, True]


def test_methods() -> None:
    assert ask(AGE, "between", 30, 45).tolist() == [True, False, True, False]
    assert ask(VIEW, "isin", ["AP", "LATERAL"]).tolist() == [False, True, False, False]
    assert ask(FINDING, "has", "Edema").tolist() == [True, False, False, False]
    assert ask(VIEW, "startswith", "p").tolist() == [True, False, False, True]
    assert ask(VIEW, "contains", "A").tolist() == [True, True, False, True]
    for column in (AGE, VIEW, FINDING):
        np.testing.assert_array_equal(ask(column, "isna"), ~ask(column, "notna"))
        np.testing.assert_array_equal(ask(column, "isna"), column.missing)


def test_every_example_is_an_answer() -> None:
    kinds = {"": VIEW, "text": VIEW, "list": FINDING}
    for name, method in METHODS.items():
        assert method.usage.startswith(f"{name}(")
        values = eval(f"({method.usage.removeprefix(name)[1:-1]},)") if method.takes else ()
        column = AGE if name == "between" else kinds[method.kind]
        assert ask(column, name, *values).dtype == bool


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (lambda: compare("==", 1, 1), "name a column on one side"),
        (lambda: compare("==", AGE, "old"), "age is a number column, it cannot be compared with 'old'"),
        (lambda: compare("<", VIEW, AGE), r"view is a text column, .* column age \(number\)"),
        (lambda: compare("==", FINDING, "Mass"), r"write findings\.has\('Effusion'\), not =="),
        (lambda: compare(">", AGE, 10**400), "too large"),
        (lambda: is_in(VIEW, "PA"), "'in' takes a column and a list"),
        (lambda: ask(AGE, "contains", "3"), "age is a number column, not a text one"),
        (lambda: ask(AGE, "between", 3), r"write age\.between\(30, 40\)"),
        (
            lambda: compare(
                "==", Column("split", "text", VIEW.values, VIEW.missing, ("train", "test")), "tset"
            ),
            "split is never 'tset'; choose one of: train, test",
        ),
    ],
)
def test_mistakes(question, said: str) -> None:
    with pytest.raises(UserError, match=said):
        question()
