"""Expressions read by Python: of what is used here, Milvus writes `true` and `false` alone otherwise."""

from __future__ import annotations

import ast

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.index.backends.milvus_fields import scalar_fields
from cxrneighbors.index.backends.milvus_filter import EVERY, NONE, quoted, translate
from cxrneighbors.index.backends.registry import Attributes
from cxrneighbors.index.predicates import Predicates

N = 60
WEIRD = [
    "it's",
    'a "b" c',
    "back\\slash",
    "\\",
    '" or true or "',
    "a%b_c",
    "two\nlines\ttab",
    "{x}",
    "Große",
    "",
]


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    names = np.array(["Effusion", "Edema", 'No "x"'])
    return pd.DataFrame(
        {
            "view": rng.choice(["PA", "AP"], N),
            "sex": rng.choice(np.array(["F", "M", None], dtype=object), N),
            "age": np.where(rng.random(N) < 0.2, np.nan, rng.integers(0, 90, N)),
            "weight": rng.integers(40, 120, N),
            "findings": [list(names[rng.random(3) < 0.3]) for _ in range(N)],
            "site": [(*WEIRD, None)[i % (len(WEIRD) + 1)] for i in range(N)],
            "report": [None if i % 3 else "Clear." for i in range(N)],
        }
    )


@pytest.fixture(scope="module")
def predicates() -> Predicates:
    return Predicates(table(), {"has_report": table()["report"].notna().to_numpy()})


def in_milvus(predicates: Predicates, where: str) -> tuple[str | None, np.ndarray]:
    """The expression for Milvus, and which rows pass it."""
    columns = {name: predicates.column(name) for name in (*predicates.table.columns, "has_report")}
    fields = scalar_fields(Attributes(columns, {"row": np.arange(N)}))
    said = translate(where, list(fields), predicates.column)
    words = {"true": True, "false": False, "array_contains": lambda names, name: name in names}
    rows = [{name: field.values[i] for name, field in fields.items()} for i in range(N)]
    code = compile(said or "false", "expression", "eval")
    return said, np.array([eval(code, {"__builtins__": {}} | words | row | {"position": 0}) for row in rows])


CONDITIONS = [
    "view == 'PA'",
    "'F' != sex",
    "sex != 'F'",
    "sex >= 'G'",
    "sex in ('F', 'M')",
    "sex not in ['F']",
    "sex.isin([])",
    "sex.isna()",
    "view.isna()",
    "view.notna()",
    "30 <= age < 40",
    "age.between(30, 60)",
    "age >= -1",
    "30 > age",
    "age != 30",
    "age not in [1, 30.0, 44]",
    "weight.isin([50, 60.0])",
    "weight > 1e2",
    "findings.has('Edema')",
    "'Edema' not in findings",
    "findings.has('No \"x\"')",
    "findings.isna()",
    "has_report",
    "has_report == False",
    "site.contains('A')",
    "'\"' in site",
    "site.startswith('BACK')",
    "site not in ['a%b_c']",
    "True",
]


@pytest.mark.parametrize("where", CONDITIONS)
def test_a_condition_means_the_same(predicates: Predicates, where: str) -> None:
    said, found = in_milvus(predicates, where)
    assert said is not None
    np.testing.assert_array_equal(found, predicates.evaluate(where))
    said, found = in_milvus(predicates, f"not {where}")
    np.testing.assert_array_equal(found, predicates.evaluate(f"not {where}"))


def test_combinations_mean_the_same(predicates: Predicates) -> None:
    rng = np.random.default_rng(1)
    for _ in range(60):
        a, b, c = rng.choice(CONDITIONS, 3)
        sign, other = rng.choice(["and", "or"], 2)
        where = f"not ({a} {sign} ({b})) {other} {c}"
        said, found = in_milvus(predicates, where)
        assert said is not None
        np.testing.assert_array_equal(found, predicates.evaluate(where), err_msg=f"{where}\n{said}")
    where = "(age > 30) & ~(sex == 'F') | (view == 'AP')"
    np.testing.assert_array_equal(in_milvus(predicates, where)[1], predicates.evaluate(where))


@pytest.mark.parametrize("text", WEIRD)
def test_a_text_stays_a_text(predicates: Predicates, text: str) -> None:
    assert ast.literal_eval(quoted(text)) == text
    for where in (f"site == {text!r}", f"site != {text!r}", f"site in [{text!r}]"):
        said, found = in_milvus(predicates, where)
        assert said is not None
        np.testing.assert_array_equal(found, predicates.evaluate(where))
    where = f"findings.has({text!r})"
    said = translate(where, ["list_findings"], predicates.column)
    assert said is not None
    call = ast.parse(said, mode="eval").body
    assert isinstance(call, ast.Call)
    assert ast.literal_eval(call.args[1]) == text


def test_the_expression_as_it_is_written(predicates: Predicates) -> None:
    fields = ["number_age", "missing_age", "text_sex", "text_view", "list_findings"]
    for where, said in {
        "age > 30": "(number_age > 30.0 and missing_age == false)",
        "30 <= age": "(number_age >= 30.0 and missing_age == false)",
        "sex == 'F' or findings.has('Edema')": (
            '(text_sex == "F" or array_contains(list_findings, "Edema"))'
        ),
        "not view in ['PA', 'AP']": 'not (text_view in ["PA", "AP"])',
        "age.isna() and view.notna()": f"(missing_age == true and {EVERY})",
        "sex.isna()": NONE,
    }.items():
        assert translate(where, fields, predicates.column) == said


@pytest.mark.parametrize(
    "where",
    [
        "finding('Edema') == 'present'",
        "mentions('clear')",
        "view == 'PA' and mentions('clear')",
        "age > weight",
        "report.contains('clear')",
        "site == '\\x00'",
        "age < 1e999",
        "not " * 60 + "view == 'PA'",
    ],
)
def test_what_cannot_be_said_is_left_to_others(predicates: Predicates, where: str) -> None:
    assert in_milvus(predicates, where)[0] is None


def test_a_column_of_many_texts_is_not_looked_through() -> None:
    ids = pd.DataFrame({"name": [f"film {i}" for i in range(1001)]})
    column = Predicates(ids, {}, {}).column
    assert translate("name.contains('7')", ["text_name"], column) is None
    assert translate("name == 'film 7'", ["text_name"], column) == 'text_name == "film 7"'
