"""One table in three formats: the same columns, values and lists."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.records import check_replaceable, joined_lists, json_text, write_records

TABLE = pd.DataFrame(
    {
        "image_id": ["a", "=b"],
        "rank": [1, 2],
        "distance": np.array([0.1, np.nan], dtype=np.float32),
        "findings": [["Mass", "Edema"], []],
        "view": ["PA", None],
    }
)


def test_json_has_lists_and_null() -> None:
    assert json.loads(json_text(TABLE)) == [
        {"image_id": "a", "rank": 1, "distance": 0.1, "findings": ["Mass", "Edema"], "view": "PA"},
        {"image_id": "=b", "rank": 2, "distance": None, "findings": [], "view": None},
    ]
    assert json.loads(json_text(TABLE.iloc[:0])) == []


def test_text_has_lists_between_bars() -> None:
    assert joined_lists(TABLE)["findings"].tolist() == ["Mass|Edema", ""]
    assert TABLE["findings"][0] == ["Mass", "Edema"]


def test_files(tmp_path: Path) -> None:
    for name in ("t.csv", "t.json", "t.parquet"):
        write_records(TABLE, tmp_path / name)
        check_replaceable(tmp_path / name, list(TABLE.columns))
        write_records(TABLE, tmp_path / name)
    text = (tmp_path / "t.csv").read_text()
    assert text == "image_id,rank,distance,findings,view\na,1,0.1,Mass|Edema,PA\n'=b,2,,,\n"
    assert (tmp_path / "t.json").read_text() == json_text(TABLE) + "\n"
    found = pd.read_parquet(tmp_path / "t.parquet")
    assert list(found.columns) == list(TABLE.columns) and found["distance"].dtype == np.float32
    assert [list(names) for names in found["findings"]] == TABLE["findings"].tolist()


@pytest.mark.parametrize("name", ["t.xlsx", "t", "t.csv.gz"])
def test_another_suffix_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"written as \.csv, \.json, \.parquet"):
        write_records(TABLE, tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
@pytest.mark.parametrize("content", [b"", b"[]", b"image_id,score\n", b"[1]", b"\xff\xfe", b"PAR1"])
def test_other_files_are_not_replaced(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"t{suffix}"
    check_replaceable(path, ["image_id", "rank"])
    path.write_bytes(content)
    with pytest.raises(UserError, match="is another file"):
        check_replaceable(path, ["image_id", "rank"])
    with pytest.raises(UserError, match="is a folder"):
        (tmp_path / "f.csv").mkdir()
        check_replaceable(tmp_path / "f.csv", ["image_id"])
