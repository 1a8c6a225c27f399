"""Tables as CSV text that a spreadsheet opens as text: no cell becomes a formula."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# What spreadsheets begin a formula with (OWASP, CSV injection); a plain number is none.
_FORMULA = re.compile(r"\s*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def csv_text(frame: pd.DataFrame, float_format: str | None = None) -> str:
    """A table as CSV without its row labels, lines ending in \\n, each formula cell behind an apostrophe.

    Every CSV of the package is written by this.
    """
    safe = frame.copy(deep=False)
    for place, kind in enumerate(frame.dtypes):
        if str(kind) in ("object", "string", "str", "category"):
            safe.isetitem(place, frame.iloc[:, place].astype(object).map(escaped).to_numpy())
    safe.columns = [escaped(name) for name in frame.columns]
    text: str = safe.to_csv(index=False, float_format=float_format, lineterminator="\n")
    return text


def escaped(cell: Any) -> Any:
    """A cell as it may be written.

    >>> [escaped(cell) for cell in ("=1+2", " @SUM(A1)", "-1.5", "+x", "a=b", "'=1", 5)]
    ["'=1+2", "' @SUM(A1)", '-1.5', "'+x", 'a=b', "'=1", 5]
    """
    if not isinstance(cell, str):
        return cell
    lines = cell.replace("\r\n", "\n").replace("\r", "\n")  # a lone \r would end the row unquoted
    return f"'{lines}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else lines
