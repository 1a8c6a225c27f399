"""Tables of results as text and files: CSV, JSON or Parquet by the suffix, with the same columns in each.

A list, such as the findings of a film, is a list in JSON and Parquet, and `A|B` in CSV, as study tables are
read. A number has the digits of its own precision; one that is missing is empty in CSV and null elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.csv_text import csv_text
from cxrneighbors.errors import UserError
from cxrneighbors.files import atomic_path, check_parents, plain, read_json, write_text_atomic

SUFFIXES = (".csv", ".json", ".parquet")


def json_text(frame: pd.DataFrame) -> str:
    """A table as indented JSON records."""
    columns = {str(name): [_shortest(value) for value in frame[name].to_numpy()] for name in frame.columns}
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return json.dumps(plain(rows), indent=2, ensure_ascii=False, allow_nan=False)


def joined_lists(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with each list as text, its parts between `|`."""
    shown = frame.copy(deep=False)
    for place, kind in enumerate(frame.dtypes):
        if str(kind) == "object":
            values = [_joined(value) for value in frame.iloc[:, place]]
            shown.isetitem(place, np.fromiter(values, dtype=object, count=len(values)))
    return shown


def write_records(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table to `path` in one step, in the format of its suffix; `UserError` for another suffix."""
    check_suffix(path)
    suffix = Path(path).suffix.lower()
    if suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        with atomic_path(path) as temporary:
            table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
            pq.write_table(table, temporary)
    else:
        write_text_atomic(
            path, json_text(frame) + "\n" if suffix == ".json" else csv_text(joined_lists(frame))
        )


def check_suffix(path: str | Path) -> None:
    """Raise `UserError` unless a table can be written under this name."""
    if Path(path).suffix.lower() not in SUFFIXES:
        raise UserError(f"{path}: a table is written as {', '.join(SUFFIXES)}; give a name that ends so")


def check_replaceable(path: str | Path, columns: Sequence[str]) -> None:
    """Raise `UserError` where a file lies at `path` that is no table of `columns`, the first of its own."""
    path = Path(path)
    check_suffix(path)
    check_parents(path)
    if path.is_dir():
        raise UserError(f"{path}: is a folder; give a file")
    if path.exists() and _columns_of(path)[: len(columns)] != list(columns):
        raise UserError(f"{path}: is another file, and would be replaced; give another name")


def _columns_of(path: Path) -> list[str]:
    """The columns of a table that `write_records` wrote; none for any other file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.suffix.lower() == ".parquet":
            return list(pq.read_schema(path).names)
        if path.suffix.lower() == ".csv":
            with open(path, encoding="utf-8") as stream:
                return stream.readline().rstrip("\n").split(",")
        return list(read_json(path, remedy="")[0])
    except (OSError, ValueError, UserError, LookupError, TypeError, pa.ArrowException):
        return []


def _shortest(value: Any) -> Any:
    """A float32 as the shortest decimal number that it is read back from."""
    return float(str(value)) if isinstance(value, np.float32) else value


def _joined(value: Any) -> Any:
    return "|".join(map(str, value)) if isinstance(value, list | tuple | np.ndarray) else value
