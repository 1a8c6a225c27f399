import ast

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.index.predicate_columns import column_of
from cxrneighbors.index.predicate_hints import unknown_values

TABLE = {
    "view": pd.Series(["PA", "AP", None]),
    "age": pd.Series([1.0, 2.0, 3.0]),
    "findings": pd.Series([["Mass", "Edema"], [], ["Nodule"]]),
    "patient_id": pd.Series([f"p{row:02d}" for row in range(40)]),
    "site": pd.Series([None, None], dtype=object),
    "ward": pd.Series(["north", "north"]),
}


def hints(expression):
    return unknown_values(ast.parse(expression, mode="eval").body, lambda name: column_of(name, TABLE[name]))


@pytest.mark.parametrize(
    ("expression", "lines"),
    [
        ("view == 'pa'", ["no row has view 'pa'; there are AP, PA"]),
        ("'pa' != view", ["no row has view 'pa'; there are AP, PA"]),
        ("not (view in ['PA', 'pa', 'LL'] or age > 5)", ["no row has view 'pa'", "no row has view 'LL'"]),
        ("view.isin(('pa',))", ["no row has view 'pa'; there are AP, PA"]),
        ("findings.has('Masss')", ["no row has findings 'Masss'; there are Edema, Mass, Nodule"]),
        ("'mass' in findings and 'Mass' in findings", ["no row has findings 'mass'"]),
        ("patient_id == 'P07'", ["no row has patient_id 'P07'; near to it is p07"]),
        ("patient_id == 'p077'", ["no row has patient_id 'p077'; near to it is p07"]),
        ("patient_id == 'p40'", ["no row has patient_id 'p40'; near to it are "]),
        ("patient_id == 'zz'", ["no row has patient_id 'zz'; there are 40 others, such as p00, p01, p02"]),
        ("site == 'x'", ["no row has site 'x'; every row is blank there"]),
        ("ward == 'x'", ["no row has ward 'x'; there is north"]),
        ("view == 'PA' and 'Edema' in findings", []),
        ("view.contains('x') or 'x' in view or view.startswith('q')", []),
        ("age == 99 or age.isin([99])", []),
        ("view == view", []),
    ],
)
def test_what_no_row_has(expression, lines):
    found = hints(expression)
    assert len(found) == len(lines) and all(map(str.startswith, found, lines)), found


def test_known_values_are_those_of_the_rows():
    rng = np.random.default_rng(0)
    lists = [list(rng.choice(list("abcdef"), 2)) for _ in range(30)]
    assert column_of("x", pd.Series(lists)).known == {name for names in lists for name in names}
    assert column_of("x", pd.Series(["a", None, "b"])).known == {"a", "b"}
