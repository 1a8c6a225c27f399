"""Tagged tables are study tables that `where` can ask, and CSV that a spreadsheet can open."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pandas as pd
import pytest

from cxrneighbors.app.tags import LONGEST, read_tags, tagged_file, tagged_table
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.data.tables import read_table
from cxrneighbors.errors import UserError
from cxrneighbors.index.predicates import Predicates


def coded(*rows: int, n: int = 3) -> str:
    """One bit a row, the first in the lowest bit, spelt out by whole numbers."""
    return base64.b64encode(sum(1 << row for row in rows).to_bytes(-(-n // 8), "little")).decode()


def test_bits_are_rows_in_order() -> None:
    assert read_tags({" two  words ": coded(0, 8, 10, n=11)}, 11) == {"two words": [0, 8, 10]}


@pytest.fixture
def studies() -> pd.DataFrame:
    rows = {
        "image_id": ["a", "b", "c"],
        "patient_id": ["p", "p", "q"],
        "findings": [["Mass"], [], ["Edema", "Mass"]],
    }
    return validate_studies(pd.DataFrame(rows | {"path": ["/x/a.png", None, None]}))


def test_tags_come_back_from_parquet_and_can_be_asked_for(studies: pd.DataFrame, tmp_path: Path) -> None:
    before = studies.copy(deep=True)
    table = tagged_table(studies, {"odd": [2, 0], "=worst": [2]})
    pd.testing.assert_frame_equal(studies, before)  # the index's own table is as it was
    path = tmp_path / "tagged.parquet"
    path.write_bytes(tagged_file(table, "parquet"))
    found = read_table(path)
    assert found["tags"].tolist() == [["odd"], [], ["odd", "=worst"]]
    assert found["path"].tolist() == ["/x/a.png", None, None]
    assert Predicates(found).evaluate("tags.has('odd')").tolist() == [True, False, True]
    again = tagged_table(found, {"odd": [1, 2]})
    assert again["tags"].tolist() == [["odd"], ["odd"], ["odd", "=worst"]]


def test_csv_joins_lists_and_holds_no_path_and_no_formula(studies: pd.DataFrame) -> None:
    text = tagged_file(tagged_table(studies, {"=worst": [2]}), "csv").decode()
    found = pd.read_csv(io.StringIO(text), keep_default_na=False)
    assert found["findings"].tolist() == ["Mass", "", "Edema|Mass"]
    assert found["tags"].tolist() == ["", "", "'=worst"]
    assert "path" not in found and "/x/" not in text


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({}, "none given"),
        ([], "none given"),
        ({"": coded(0)}, "1 to 60"),
        ({"a|b": coded(0)}, "no |"),
        ({"x" * (LONGEST + 1): coded(0)}, "1 to 60"),
        ({"odd": coded()}, "no films"),
        ({"odd": coded(3)}, "no films"),
        ({"odd": coded(0, n=11)}, "no films"),
        ({"odd": [0]}, "no films"),
        ({"odd": "not base64"}, "no films"),
        ({f"t{i}": coded(0) for i in range(101)}, "at most 100"),
    ],
)
def test_what_is_no_tag_is_refused(tags: object, message: str) -> None:
    with pytest.raises(UserError, match=message.replace("|", r"\|")):
        read_tags(tags, 3)


def test_an_unknown_format_is_refused(studies: pd.DataFrame) -> None:
    with pytest.raises(UserError, match="parquet, csv"):
        tagged_file(tagged_table(studies, {"odd": [0]}), "xlsx")
