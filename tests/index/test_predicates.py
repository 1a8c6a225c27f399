from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.index.predicates import Predicates


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 400
    names = np.array(["Effusion", "Edema", "Pleural_Thickening"])
    return pd.DataFrame(
        {
            "image_id": [f"{i:03d}_a" for i in range(n)],
            "view": rng.choice(["PA", "AP", "LATERAL"], n),
            "sex": rng.choice(np.array(["F", "M", None], dtype=object), n),
            "age": np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, 90, n)),
            "weight": rng.integers(40, 120, n),
            "supine": rng.random(n) < 0.5,
            "findings": [list(names[rng.random(3) < 0.3]) for _ in range(n)],
            "report": [
                None if rng.random() < 0.3 else rng.choice(["No EFFUSION.", "Clear lungs"]) for _ in range(n)
            ],
            "sections": [None] * (n - 1) + [{"findings": "x"}],
        }
    )


@pytest.fixture(scope="module")
def predicates(table: pd.DataFrame) -> Predicates:
    return Predicates(table, {"has_report": table["report"].notna().to_numpy()})


def with_finding(table: pd.DataFrame, name: str) -> pd.Series:
    return table["findings"].map(lambda names: name in names)


EXPRESSIONS = {
    "view == 'PA'": lambda t: t.view == "PA",
    "'PA' == view": lambda t: t.view == "PA",
    "age > 30": lambda t: t.age > 30,
    "30 <= age < 40": lambda t: (t.age >= 30) & (t.age < 40),
    "age.between(30, 40)": lambda t: t.age.between(30, 40),
    "age >= -1": lambda t: t.age.notna(),
    "age != 30": lambda t: (t.age != 30) & t.age.notna(),
    "sex != 'F'": lambda t: (t.sex != "F") & t.sex.notna(),
    "not sex == 'F'": lambda t: t.sex != "F",
    "age > weight": lambda t: t.age > t.weight,
    "weight.isin([50, 60.0])": lambda t: t.weight.isin([50, 60]),
    "weight.isin([])": lambda t: pd.Series(False, index=t.index),
    "view in ['AP', 'PA']": lambda t: t.view.isin(["AP", "PA"]),
    "sex not in ('F',)": lambda t: ~t.sex.isin(["F"]) & t.sex.notna(),
    "sex.isna()": lambda t: t.sex.isna(),
    "age.notna() and sex.notna()": lambda t: t.age.notna() & t.sex.notna(),
    "findings.has('Edema')": lambda t: with_finding(t, "Edema"),
    "'Edema' in findings": lambda t: with_finding(t, "Edema"),
    "'Edema' not in findings": lambda t: ~with_finding(t, "Edema") & t.findings.map(bool),
    "findings.isna()": lambda t: ~t.findings.map(bool),
    "report.contains('effusion')": lambda t: t.report.str.contains("EFFUSION", regex=False, na=False),
    "'Lungs' in report": lambda t: t.report.str.contains("lungs", regex=False, na=False),
    "image_id.startswith('01')": lambda t: t.image_id.str.startswith("01"),
    "has_report": lambda t: t.report.notna(),
    "has_report == False": lambda t: t.report.isna(),
    "supine": lambda t: t.supine,
    "not supine or view == 'AP'": lambda t: ~t.supine | (t.view == "AP"),
    "~(view == 'AP') & (age > 50) | supine": lambda t: (t.view != "AP") & (t.age > 50) | t.supine,
    "sections.notna()": lambda t: t.sections.notna(),
    "True": lambda t: pd.Series(True, index=t.index),
    "view\n== 'PA'": lambda t: t.view == "PA",
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_equals_pandas(expression: str, predicates: Predicates, table: pd.DataFrame) -> None:
    found = predicates.evaluate(expression)
    assert found.dtype == bool and found.shape == (len(table),)
    np.testing.assert_array_equal(found, EXPRESSIONS[expression](table).to_numpy(dtype=bool))


def test_random_combinations_equal_pandas(predicates: Predicates, table: pd.DataFrame) -> None:
    rng = np.random.default_rng(3)
    leaves = list(EXPRESSIONS)[:-1]

    def draw(depth: int) -> tuple[str, np.ndarray]:
        if depth == 0:
            leaf = str(rng.choice(leaves))
            return f"({leaf})", EXPRESSIONS[leaf](table).to_numpy(dtype=bool)
        (left, a), (right, b) = draw(depth - 1), draw(depth - 1)
        kind = rng.integers(5)
        if kind == 4:
            return f"(not {left})", ~a
        sign, mask = [("and", a & b), ("or", a | b), ("&", a & b), ("|", a | b)][kind]
        return f"({left} {sign} {right})", mask

    for _ in range(200):
        expression, mask = draw(int(rng.integers(1, 5)))
        np.testing.assert_array_equal(predicates.evaluate(expression), mask, err_msg=expression)


MISTAKES = {
    "colour == 'red'": "unknown column 'colour'; choose one of: image_id, view",
    "view = 'PA'": ">>>",
    "view == 'PA": ">>>",
    "age >": ">>>",
    "": "empty",
    "view": "view is not a condition",
    "age + 1 > 3": "means nothing here",
    "1": "1 is not a condition",
    "1 == 1": "name a column on one side",
    "age == 'old'": "age is a number column",
    "view > 3": "view is a text column",
    "view == age": "column age (number)",
    "findings == 'Edema'": "write findings.has('Effusion')",
    "age > 30 & view == 'PA'": "not a condition",
    "view.has('x')": "has() asks a list",
    "age.contains('3')": "not a text one",
    "age.between(3)": "write age.between(30, 40)",
    "view.isin('PA')": "write view.isin(['AP', 'PA'])",
    "view.isna(1)": "write view.isna()",
    "view.notna(1)": "write view.notna()",
    "report.contains(3)": "write report.contains",
    "report.contains(view)": "put quotes around a text",
    "findings.has(3)": "write findings.has",
    "view is 'PA'": "'is' in",
    "view in 'PA'": "'in' takes a column and a list",
    "says('tube')": "unknown function 'says'; functions: change, finding, mentions, side; methods: ",
    "age.mean()": "unknown method 'mean'",
    "age.between(low=1, high=2)": "without names",
    "age == 1" + "0" * 400: "too large",
    "view == 'PA'\x00": "null bytes",
    "(" * 150 + "age > 1" + ")" * 150 + " and " * 2: ">>>",
    "not " * 2000 + "supine": "",
    "a" * 10_001: "at most",
    "age > None": "means nothing here",
}


@pytest.mark.parametrize("expression", MISTAKES, ids=lambda text: text[:30])
def test_mistakes_name_the_thing_in_one_line(expression: str, predicates: Predicates) -> None:
    with pytest.raises(UserError) as caught:
        predicates.evaluate(expression)
    message = str(caught.value)
    assert MISTAKES[expression] in message and message.startswith("where: ") and "\n" not in message


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__[0].__subclasses__()",
        "view.__class__ == 'x'",
        "view.values == 'x'",
        "age.between.__globals__",
        "findings.has.__code__ == 1",
        "open('x') == 1",
        "eval('1')",
        "exec('1')",
        "[x for x in view]",
        "(lambda: view)()",
        "view if True else sex",
        "view[0] == 'P'",
        "f'{view}' == 'x'",
        "(view := 'PA') == 'PA'",
        "age ** 99999999 > 1",
        "'a' * 10**10 == view",
        "table.drop() == 1",
        "predicates",
        "{'a': 1}[view]",
        "view.isin(*[1])",
        "view.isin([open('x')])",
        "age > (yield)",
        "age > (await x)",
        "...",
        "view.contains('x').__class__",
        "METHODS['has']",
    ],
)
def test_nothing_else_is_evaluated(expression: str, predicates: Predicates) -> None:
    with pytest.raises(UserError):
        predicates.evaluate(expression)


def test_functions_extend_the_language(table: pd.DataFrame) -> None:
    def mentions(words: str) -> np.ndarray:
        return table["report"].str.contains(words, na=False).to_numpy(dtype=bool)

    predicates = Predicates(table, functions={"mentions": mentions})
    expected = (table.report.str.contains("Clear", na=False) & (table.view == "PA")).to_numpy(dtype=bool)
    np.testing.assert_array_equal(predicates.evaluate("mentions('Clear') and view == 'PA'"), expected)


def test_a_missing_yes_or_no_is_no() -> None:
    predicates = Predicates(pd.DataFrame({"icu": pd.array([True, None, False], dtype="boolean")}))
    np.testing.assert_array_equal(predicates.evaluate("icu"), [True, False, False])
    np.testing.assert_array_equal(predicates.evaluate("icu != True"), [False, False, True])


def test_a_value_that_no_row_has_is_said_once(
    predicates: Predicates, table: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        np.testing.assert_array_equal(predicates.evaluate("view in ['PA', 'ap']"), table.view == "PA")
    assert capsys.readouterr().err == "note: where: no row has view 'ap'; there are AP, LATERAL, PA\n"
    predicates.evaluate("view == 'PA' and age > 200")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("expression", ["view == 'pa'", "findings.has('edema')", "'EDEMA' in findings"])
def test_nothing_for_such_a_value_is_an_error(predicates: Predicates, expression: str) -> None:
    with pytest.raises(UserError, match=r"^where: no row has .*; there are .*(PA|Edema)"):
        predicates.evaluate(expression)
    assert not predicates.evaluate("view == 'PA' and view == 'AP'").any()
