"""CSV text: what a spreadsheet would run is text, everything else is as pandas writes it."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.csv_text import csv_text, escaped
from cxrneighbors.data.skipped import Skipped, read_skipped, write_skipped

PACKAGE = Path(__file__).parents[1] / "cxrneighbors"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " =", "\n@"])
def test_formulas_become_text(start: str) -> None:
    frame = pd.DataFrame(
        {f"{start}head": [f"{start}cmd|' /C calc'!A0", "plain", None], "n": [-1.5, 2.0, np.nan]}
    )
    kept = start.replace("\r", "\n")
    rows = list(csv.reader(io.StringIO(csv_text(frame), newline="")))
    assert rows[0][0] == f"'{kept}head" and rows[1][0].startswith(f"'{kept}cmd")
    assert [row[1] for row in rows[1:]] == ["-1.5", "2.0", ""] and rows[2][0] == "plain"


def test_the_rest_is_as_pandas_writes_it() -> None:
    frame = pd.DataFrame(
        {"id": ["a,b", "-5", "1e-3", "a=b"], "list": ["x\ny", None, "", '"q"'], "v": [1 / 3, -2, 0, 1e9]}
    )
    for float_format in (None, "%.6g"):
        expected = frame.to_csv(index=False, float_format=float_format, lineterminator="\n")
        assert csv_text(frame, float_format) == expected
    assert escaped(escaped("=1")) == escaped("=1")


def test_the_list_of_what_was_skipped_stays_the_same_when_written_again(tmp_path: Path) -> None:
    skipped = Skipped("import")
    skipped.add("=cmd()", "-no such file", row=3)
    write_skipped(skipped, tmp_path)
    write_skipped(Skipped("encode"), tmp_path)
    assert read_skipped(tmp_path)[["item", "reason"]].values.tolist() == [["'=cmd()", "'-no such file"]]


def test_no_other_way_of_writing_csv() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name != "csv_text.py":
            assert not re.search(r"csv\.writer|DictWriter", text), path
            # What is hashed is not a file.
            assert len(re.findall(r"\.to_csv\(", text)) == len(
                re.findall(r"\.to_csv\(index=False\)", text)
            ), path
