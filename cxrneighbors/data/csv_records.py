"""The records of a text table, whatever its encoding and separator; a quote left open costs one line."""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from typing import NamedTuple

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_HINT = "sep="  # a first line by which Excel is told the separator


class Record(NamedTuple):
    """One record: its cells as they stand, its first line in the file (from 1), and why it is unusable."""

    cells: list[str]
    line: int
    trouble: str = ""


def decode(content: bytes) -> tuple[str, str]:
    """The text and its encoding: UTF-8 or UTF-16, with or without a byte-order mark, else Windows-1252.

    UTF-16 without a mark is known by the zero byte that every character of plain English has in it.

    >>> decode("ä".encode("utf-16")), decode(b"\\xe4")
    (('ä', 'UTF-16'), ('ä', 'Windows-1252'))
    """
    start = content[:1000]
    if content[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):
        return content.decode("utf-16", errors="replace"), "UTF-16"
    if start.count(0) > len(start) // 4:
        little = start[1::2].count(0) >= start[0::2].count(0)
        return content.decode("utf-16-le" if little else "utf-16-be", errors="replace"), "UTF-16"
    try:
        return content.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace"), "Windows-1252"


def sniff_separator(text: str) -> str:
    """The one of `SEPARATORS` that cuts the header, the first line with text, into most cells; else a comma.

    >>> sniff_separator("id;name, given;age\\n"), sniff_separator("finding\\n")
    (';', ',')
    """
    header = next((line for line in io.StringIO(text) if line.strip()), "").strip("\r\n")
    if header.lower().startswith(_HINT) and header[len(_HINT) :] in SEPARATORS:
        return header[len(_HINT) :]
    cells = {sign: len(next(csv.reader([header], delimiter=sign), [])) for sign in SEPARATORS}
    return max(cells, key=lambda sign: cells[sign])


def read_records(text: str, separator: str) -> Iterator[Record]:
    """The records of `text` in order, blank lines as records without cells, Excel's `sep=` line left out.

    A record whose quote is not closed, in the file or before text goes on behind it, takes no further lines
    with it: its first line is a record of its own with a `trouble`, and reading goes on in the next line.
    """
    lines = list(io.StringIO(text, newline=""))
    line = 1 if lines and lines[0].strip("\r\n").lower() == _HINT + separator else 0
    while line < len(lines):
        reader = csv.reader((lines[i] for i in range(line, len(lines))), delimiter=separator, strict=True)
        start, taken = line, 0
        try:
            for cells in reader:
                yield Record(cells, start + taken + 1)
                taken = reader.line_num
            return
        except csv.Error as error:
            line = start + taken
            alone = reader.line_num - taken == 1 and "end of data" not in str(error)
            yield _lenient(lines[line], separator, line + 1) if alone else _left_open(lines[line], line + 1)
            line += 1


def _lenient(text: str, separator: str, line: int) -> Record:
    """A line with text behind a closing quote, read as spreadsheets do; or unusable."""
    try:
        return Record(next(csv.reader([text], delimiter=separator)), line)
    except csv.Error as error:
        return Record([text[:50]], line, f"unreadable line ({error})")


def _left_open(text: str, line: int) -> Record:
    return Record([text[:50]], line, f"a quote is opened and not closed (line {line})")
