"""Tags that a user gave to films on the map, as a column of a new study table."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.csv_text import csv_text
from cxrneighbors.data.tables import write_table
from cxrneighbors.errors import UserError, choose

COLUMN = "tags"
FORMATS = ("parquet", "csv")
MOST, LONGEST = 100, 60  # tags, characters of a name


def read_tags(tags: Any, n_rows: int) -> dict[str, list[int]]:
    """Tags as they come from a page, as {name: rows of a table of `n_rows`}; `UserError` where they are none.

    A page sends, under each name, base64 of one bit a row, the first row in the lowest bit of the first byte.
    """
    if not isinstance(tags, dict) or not tags:
        raise UserError("tags: none given; mark a group of films on the map and name it")
    if len(tags) > MOST:
        raise UserError(f"tags: {len(tags)} given, at most {MOST} are taken; save them in two steps")
    found: dict[str, list[int]] = {}
    for name, rows in tags.items():
        label = " ".join(str(name).split())
        if not label or len(label) > LONGEST or "|" in label:
            raise UserError(
                f"tag {label[:LONGEST]!r}: a name has 1 to {LONGEST} characters and no |; rename it"
            )
        found[label] = _rows(rows, n_rows)
        if not found[label]:
            raise UserError(f"tag {label!r}: marks no films of this index; mark them again")
    return found


def tagged_table(studies: pd.DataFrame, tags: Mapping[str, Sequence[int]]) -> pd.DataFrame:
    """The study table with column `tags`, a list of names for each film; tags that it has already stay.

    `tags`: name to row numbers. `where` expressions ask for them by `tags.has('name')`.
    """
    given: list[list[str]] = [_names(value) for value in studies.get(COLUMN, [None] * len(studies))]
    for name, rows in tags.items():
        for row in rows:
            if name not in given[row]:
                given[row].append(name)
    return studies.assign(**{COLUMN: pd.Series(given, index=studies.index, dtype=object)})


def tagged_file(table: pd.DataFrame, kind: str) -> bytes:
    """A tagged table as the bytes of a file: 'parquet', a study table, or 'csv', lists joined by |.

    The CSV is for spreadsheets: it lacks `sections`, which repeat the report, and `path`.
    """
    if choose("format", kind, FORMATS) == "csv":
        flat = table.drop(columns=["sections", "path"])
        for column in ("findings", COLUMN):
            flat[column] = flat[column].map("|".join)
        return csv_text(flat).encode("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "studies.parquet")
        write_table(table, path)
        return path.read_bytes()


def _rows(coded: Any, n_rows: int) -> list[int]:
    """Rows whose bit is set; none where `coded` is not one bit a row."""
    try:
        bits = np.unpackbits(
            np.frombuffer(base64.b64decode(coded, validate=True), np.uint8), bitorder="little"
        )
    except (TypeError, ValueError):
        return []
    rows: list[int] = np.flatnonzero(bits).tolist()
    return rows if len(bits) == -(-n_rows // 8) * 8 and (not rows or rows[-1] < n_rows) else []


def _names(value: Any) -> list[str]:
    if isinstance(value, str):
        return [part for part in value.split("|") if part]
    return [] if value is None or isinstance(value, float) else [str(part) for part in value]
