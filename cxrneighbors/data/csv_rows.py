"""CSV files as published: text cells, gzip or not, odd encodings, broken lines; nothing stops the reading."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.csv_columns import read_columns
from cxrneighbors.data.csv_records import SEPARATORS, decode, read_records, sniff_separator
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError

ROW = "_row"  # the row as a spreadsheet numbers it: the header is row 1


def read_csv_rows(
    path: str | Path, skipped: Skipped, encoding_notes: list[str] | None = None
) -> pd.DataFrame:
    """Read a CSV (or `.gz` of one) into a DataFrame of stripped `str` cells plus an int column `ROW`.

    The text is UTF-8 or UTF-16 (with or without a byte-order mark), else Windows-1252; cells are separated
    by commas, semicolons or tabs (see `csv_records`). What is neither UTF-8 nor commas is said in
    `encoding_notes`. Rows shorter than the header are filled with `""`; rows with more non-empty cells than
    the header, and those in which a quote is not closed, go to `skipped`; blank lines are passed over.
    Repeated column names get a suffix, which is noted, unnamed ones are called `Unnamed: N`.

    Raises `UserError` when the file is missing, empty, no readable gzip, or its header leaves a quote open.
    """
    path = Path(path)
    content = _read_bytes(path)
    if (regular := read_columns(content)) is not None:
        return _from_columns(*regular)
    text, encoding = decode(content)
    separator = sniff_separator(text)
    notes = [] if encoding_notes is None else encoding_notes
    if encoding == "Windows-1252":
        notes.append(f"{path.name} is not valid UTF-8 and was read as {encoding}")
    odd = [encoding] * (encoding == "UTF-16") + [SEPARATORS[separator]] * (separator != ",")
    if odd:
        notes.append(f"{path.name} was read with {' and '.join(odd)}")
    header: list[str] | None = None
    rows: list[list[str]] = []
    numbers: list[int] = []
    for number, record in enumerate(read_records(text, separator), start=1):
        cells = [cell.strip() for cell in record.cells]
        if record.trouble and header is None:
            raise UserError(f"{path}: {record.trouble}; correct the header")
        if record.trouble:
            skipped.add(cells[0] or path.name, record.trouble, row=number)
            notes.append(f"{path.name}: {record.trouble}: the row is left out")
        elif not any(cells):
            continue
        elif header is None:
            header = _unique(cells)
            notes += [
                f"{path.name}: column {name!r} is there {cells.count(name)} times: the first is taken"
                for name in dict.fromkeys(cells)
                if name and cells.count(name) > 1
            ]
        elif any(cells[len(header) :]):
            skipped.add(cells[0] or path.name, "more cells than the header has", row=number)
        else:
            rows.append(cells[: len(header)] + [""] * (len(header) - len(cells)))
            numbers.append(number)
    if header is None:
        raise UserError(f"{path}: the file is empty; get it again from its publisher")
    frame = pd.DataFrame(rows, columns=header, dtype=object)
    frame[ROW] = numbers
    return frame


def _from_columns(header: list[str], columns: list[np.ndarray]) -> pd.DataFrame:
    frame = pd.DataFrame(dict(zip(_unique(header), columns, strict=True)), dtype=object)
    frame[ROW] = np.arange(2, len(frame) + 2)
    blank = np.logical_and.reduce([column == "" for column in columns])
    return frame[~blank].reset_index(drop=True) if blank.any() else frame


def require_column(frame: pd.DataFrame, names: Iterable[str], path: str | Path, remedy: str = "") -> str:
    """The first of `names` that is a column of `frame`; a `UserError` naming file and column otherwise."""
    names = list(names)
    for name in names:
        if name in frame.columns:
            return name
    found = ", ".join(str(column) for column in frame.columns if column != ROW)
    remedy = remedy or "give the file as its publisher names its columns"
    raise UserError(f"{path}: column {names[0]!r} is missing (found: {found}); {remedy}")


def optional_column(frame: pd.DataFrame, names: Iterable[str]) -> list[str]:
    """The cells of the first of `names` that is a column, else empty texts: list of N str."""
    for name in names:
        if name in frame.columns:
            return frame[name].tolist()
    return [""] * len(frame)


def usable_rows(
    table: pd.DataFrame, items: Iterable[str], reasons: Mapping[str, Iterable[bool]], skipped: Skipped
) -> np.ndarray:
    """Rows against which no reason speaks: bool (N,); the others go to `skipped`.

    `items`: what each of N rows is called, its row number where that is blank. `reasons`: text -> bool (N,),
    where it applies; the first one that does is given.
    """
    texts = list(reasons)
    applies = np.stack([np.asarray(list(where), dtype=bool) for where in reasons.values()])
    names = list(items)
    for position in np.flatnonzero(applies.any(axis=0)):
        row = int(table[ROW].iloc[position])
        reason = texts[int(applies[:, position].argmax())]
        skipped.add(names[position] or f"row {row}", reason, row=row)
    return np.asarray(~applies.any(axis=0))


def _read_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; give the folder or file that holds the table") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read ({error}); get it again from its publisher") from None


def _unique(header: list[str]) -> list[str]:
    names: list[str] = []
    for position, cell in enumerate(header):
        name = cell or f"Unnamed: {position}"
        while name in names:
            name += ".1"
        names.append(name)
    return names
