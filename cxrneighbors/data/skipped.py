"""The list of what could not be used, and why: reading never stops at a bad row."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd

from cxrneighbors.csv_text import csv_text
from cxrneighbors.files import write_text_atomic

SKIPPED_COLUMNS = ("stage", "item", "row", "reason")
SKIPPED_FILE = "skipped.csv"


class Skipped:
    """Rows and images left out of one stage of work (such as 'import' or 'encode'), each with its reason."""

    def __init__(self, stage: str = "import") -> None:
        self.stage = stage
        self._rows: list[tuple[str, int | None, str]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, item: str, reason: str, row: int | None = None) -> None:
        """Note that `item` (an image id or a file) is left out for `reason`.

        `row`: the row as a spreadsheet numbers it, the header being row 1; None where there is no table.
        """
        self._rows.append((str(item), row, reason))

    def extend(self, other: Skipped) -> None:
        """Append all that `other` lists."""
        self._rows.extend(other._rows)

    def to_frame(self, stage: str | None = None) -> pd.DataFrame:
        """The list as a DataFrame with columns stage, item, row (Int64, missing allowed), reason."""
        rows = [(stage or self.stage, *row) for row in self._rows]
        return pd.DataFrame(rows, columns=list(SKIPPED_COLUMNS), dtype=object).astype({"row": "Int64"})

    def summary(self) -> str:
        """One line with the count and the reasons by frequency, such as '3 skipped (2 no image file, ...)'.

        What stands in brackets within a reason is detail of the single row and is not counted apart.
        """
        if not self._rows:
            return "0 skipped"
        counts = Counter(reason.split(" (")[0] for _, _, reason in self._rows)
        shown = [f"{count} {reason}" for reason, count in counts.most_common(5)]
        if len(counts) > len(shown):
            shown.append("...")
        return f"{len(self._rows)} skipped ({', '.join(shown)})"


def write_skipped(skipped: Skipped, folder: str | Path, stage: str | None = None) -> Path:
    """Put `skipped` into `folder/skipped.csv`, replacing what that file says of the same stage; atomic.

    The file is written even when nothing was skipped: then it says so by holding its header alone.
    Returns its path.
    """
    path = Path(folder) / SKIPPED_FILE
    stage = stage or skipped.stage
    frame = skipped.to_frame(stage)
    if path.is_file() and path.stat().st_size:
        earlier = read_skipped(path)
        frame = pd.concat([earlier[earlier["stage"] != stage], frame], ignore_index=True)
    write_text_atomic(path, csv_text(frame))
    return path


def read_skipped(path: str | Path) -> pd.DataFrame:
    """Read a `skipped.csv` (or the one inside a folder): columns stage, item, row, reason."""
    path = Path(path)
    path = path / SKIPPED_FILE if path.is_dir() else path
    types = dict.fromkeys(SKIPPED_COLUMNS, object) | {"row": "Int64"}
    frame = pd.read_csv(path, dtype=types, keep_default_na=False, na_values={"row": [""]})
    return frame[list(SKIPPED_COLUMNS)]
