from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.index.backends.milvus_fields import MAX_FIELDS, Field, scalar_fields
from cxrneighbors.index.backends.registry import Attributes
from cxrneighbors.index.predicate_columns import column_of


def fields_of(columns: dict[str, list[Any]]) -> dict[str, Field]:
    kind = {name: object if isinstance(values[0], str) else None for name, values in columns.items()}
    typed = {name: column_of(name, pd.Series(v, dtype=kind[name])) for name, v in columns.items()}
    return scalar_fields(Attributes(typed, {}))


def test_a_field_a_column_and_one_for_its_gaps() -> None:
    fields = fields_of(
        {"sex": ["F", None], "age": [np.nan, -0.0], "ill": [True, False], "findings": [["Mass"], []]}
    )
    assert {name: (field.type, field.values) for name, field in fields.items()} == {
        "text_sex": ("VARCHAR", ["F", ""]),
        "missing_sex": ("BOOL", [False, True]),
        "number_age": ("DOUBLE", [0.0, 0.0]),
        "missing_age": ("BOOL", [True, False]),
        "flag_ill": ("BOOL", [True, False]),
        "list_findings": ("ARRAY", [["Mass"], []]),
        "missing_findings": ("BOOL", [False, True]),
    }
    assert str(fields["number_age"].values[1]) == "0.0"  # -0.0 is another value in a list


def test_keys_are_whole_numbers() -> None:
    attributes = Attributes({}, {"patient": np.array([3, 4, 3]), "row": np.arange(3)}).take(np.array([2, 1]))
    assert scalar_fields(attributes) == {"patient": Field("INT64", [3, 4]), "row": Field("INT64", [2, 1])}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("path", "a.png"),
        ("report", "Clear."),
        ("two words", "a"),
        ("größe", 1.0),
        ("note", "é" * 129),
        ("note", "\ud800"),
        ("dose", np.inf),
        ("marks", ["a"] * 65),
        ("marks", ["a", 1]),
        ("marks", ["x" * 257]),
        ("sections", {"findings": "a"}),
        ("extra", {"a": 1}),
    ],
)
def test_columns_that_stay_out(name: str, value: Any) -> None:
    assert fields_of({name: [value, value]}) == {}


def test_no_more_fields_than_a_collection_holds() -> None:
    fields = fields_of({f"c{i}": [1.0, None] for i in range(40)})
    assert len(fields) == MAX_FIELDS
    assert all(f"missing_{name.removeprefix('number_')}" in fields for name in fields if "number" in name)
