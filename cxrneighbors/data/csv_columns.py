"""Regular CSV files column by column, by Arrow: what most published tables are, read several times faster."""

from __future__ import annotations

import csv
import re

import numpy as np

from cxrneighbors.data.csv_records import sniff_separator

_START = 100_000  # bytes in which a header ends


def read_columns(content: bytes) -> tuple[list[str], list[np.ndarray]] | None:
    """Cells of the header, and of each column the stripped cells below: object (N,), str; None if irregular.

    Regular is a file in UTF-8, separated by commas, with as many cells in every row as in the header, at
    least one row, no blank line, and quotes only around whole cells. `csv_records` reads it with the same
    result, a record at a time. Equal cells of a column are one and the same text in memory.
    """
    import pyarrow as pa
    from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, read_csv

    content = content.removeprefix(b"\xef\xbb\xbf")
    header = _header(content)
    if header is None or not _regular(content):
        return None
    names = [str(place) for place in range(len(header))]
    try:
        table = read_csv(
            pa.BufferReader(content),
            ReadOptions(column_names=names, skip_rows=1),
            ParseOptions(newlines_in_values=b'"' in content, ignore_empty_lines=False),
            ConvertOptions(
                column_types=dict.fromkeys(names, pa.dictionary(pa.int32(), pa.string())),
                strings_can_be_null=False,
            ),
        ).unify_dictionaries()
    except pa.ArrowInvalid:  # rows of other lengths, bytes that are no UTF-8, a row of more than a block
        return None
    columns = []
    for column in table.columns:
        texts = column.chunk(0).dictionary.to_pylist() if len(table) else []
        if not texts or max(map(len, texts)) > csv.field_size_limit():
            return None
        cells = np.array([text.strip() for text in texts], dtype=object)
        columns.append(cells[np.concatenate([chunk.indices.to_numpy() for chunk in column.chunks])])
    return header, columns


def _header(content: bytes) -> list[str] | None:
    """The cells of the first line; None where it is none of a table with commas."""
    try:
        line = content[: content.find(b"\n", 0, _START)].decode().removesuffix("\r")
        header = [cell.strip() for cell in next(csv.reader([line], strict=True), [])]
    except (UnicodeDecodeError, csv.Error):
        return None
    hint = line.lower().startswith("sep=")
    return header if any(header) and sniff_separator(line) == "," and not hint else None


def _regular(content: bytes) -> bool:
    """Whether lines end in one way only, none is blank, and quotes stand around whole cells."""
    lone = content.count(b"\r") != content.count(b"\r\n")
    if lone or b"\0" in content or b"\n\n" in content or b"\n\r\n" in content:
        return False
    cells = re.finditer(rb'"(?<![^,\n]")[^"]*(?:""[^"]*)*"(?![^,\r\n])', content)
    return sum(cell.group().count(b'"') for cell in cells) == content.count(b'"')
