"""Tagged tables are study tables that `where` can ask, and CSV that a spreadsheet can open."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from cxrneighbors.app.tags import LONGEST, check_tags, tagged_file, tagged_table
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.data.tables import read_table
from cxrneighbors.errors import UserError
from cxrneighbors.index.predicates import Predicates


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
        ({"": [0]}, "1 to 60"),
        ({"a|b": [0]}, "no |"),
        ({"x" * (LONGEST + 1): [0]}, "1 to 60"),
        ({"odd": []}, "no films"),
        ({"odd": [3]}, "no films"),
        ({"odd": [-1]}, "no films"),
        ({"odd": "0"}, "no films"),
        ({f"t{i}": [0] for i in range(101)}, "at most 100"),
    ],
)
def test_what_is_no_tag_is_refused(tags: object, message: str) -> None:
    with pytest.raises(UserError, match=message.replace("|", r"\|")):
        check_tags(tags, 3)


def test_an_unknown_format_is_refused(studies: pd.DataFrame) -> None:
    with pytest.raises(UserError, match="parquet, csv"):
        tagged_file(tagged_table(studies, {"odd": [0]}), "xlsx")
