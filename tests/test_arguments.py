"""Arguments of another type: one line that says what came and what to give."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.arguments import a_thing, expression, one_of_type, seed_of, whole
from cxrneighbors.errors import UserError


@pytest.mark.parametrize("value", [2.5, True, np.True_, "5", None, float("nan"), float("inf"), [5], 1j])
def test_what_is_no_whole_number(value: object) -> None:
    with pytest.raises(UserError, match=r"^k .*: must be a whole number, such as 5$"):
        whole("k", value)


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3)])
def test_what_is_one(value: object) -> None:
    found = whole("k", value)
    assert found == 3 and type(found) is int


def test_seeds() -> None:
    assert seed_of(np.uint32(7)) == 7
    with pytest.raises(UserError, match="seed -1: must be at least 0"):
        seed_of(-1)


def test_types_and_what_came() -> None:
    one_of_type("studies", pd.DataFrame(), pd.DataFrame, "")
    with pytest.raises(UserError, match="studies: a DataFrame \\(2, 1\\); give a list"):
        one_of_type("studies", pd.DataFrame({"a": [1, 2]}), list, "give a list")
    assert a_thing(np.float32(1)) == "a float32 ()" and a_thing(pd.Series) == "the class Series"


def test_expressions() -> None:
    expression("where", None)
    expression("where", "view == 'PA'")
    with pytest.raises(UserError, match=r"where: an ndarray \(3,\); give an expression as text, such as"):
        expression("where", np.ones(3, bool))
