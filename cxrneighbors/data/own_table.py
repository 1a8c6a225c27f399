"""A table of one's own beside films, or none: which CSV it is, its columns under the study table's names."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cxrneighbors.data.column_names import match_columns
from cxrneighbors.data.csv_rows import ROW
from cxrneighbors.data.schema import COLUMNS
from cxrneighbors.errors import UserError

_TABLE = "studies.csv"
_NOT_ASKED = ("sections", "dataset")


def find_table(root: Path, csv: str | None, mapped: bool) -> Path | None:
    """The CSV to read: `root` itself, `root/csv`, or studies.csv where it is; None for the films alone.

    `csv`: a name, None, or 'none' for the films alone. `mapped`: whether columns of a CSV were named.
    Raises `UserError` where that leaves open which table is meant.
    """
    if root.is_file():
        return root
    if csv is not None and csv != "none":
        return root / csv
    if csv is None and (root / _TABLE).exists():
        return root / _TABLE
    others = sorted(path.name for path in root.iterdir() if path.suffix.lower() in (".csv", ".tsv"))
    if csv is None and (others or mapped):
        found = f"found: {', '.join(others)}" if others else "found none"
        raise UserError(
            f"{root / _TABLE}: no such file; give the table with --csv NAME ({found}), or --csv none for the "
            "films alone"
        )
    return None


def renamed_columns(
    table: pd.DataFrame, columns: dict[str, str], source: Path, notes: list[str]
) -> pd.DataFrame:
    """CSV columns under the study table's names, and the further ones that `columns` asks for."""
    found = [str(column) for column in table.columns if column != ROW]
    wanted = [column for column in COLUMNS if column not in _NOT_ASKED]
    used = match_columns(found, wanted, columns, source, notes)
    cells = {name: table[column].tolist() for name, column in used.items() if name not in _NOT_ASKED}
    return pd.DataFrame({**cells, ROW: table[ROW].tolist()}, dtype=object)


def no_column(source: Path | None, column: str) -> UserError:
    """The error for a column that the table must have."""
    more = ", or take it from file names with --patient-from-name" if column == "patient_id" else ""
    return UserError(f"{source}: no column for {column!r}; name it with --column {column}=YOUR_COLUMN{more}")


def unlabelled(table: pd.DataFrame, source: Path | None) -> str:
    """Why nothing is labelled, as a note."""
    if source is None:
        return "nothing is labelled: without a CSV there are no findings"
    if "findings" in table:
        return "nothing is labelled: every cell of findings is blank"
    return "nothing is labelled: no column of findings; name it with --column findings=YOUR_COLUMN"
