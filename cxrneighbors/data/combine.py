"""Several study tables as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cxrneighbors.data.schema import COLUMNS, validate_studies
from cxrneighbors.data.tables import read_table


def read_tables(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Read study tables and put them below each other; `UserError` on an `image_id` that two share."""
    return combine_studies([read_table(path) for path in paths], source=" + ".join(map(str, paths)))


def combine_studies(tables: Sequence[pd.DataFrame], source: str = "combined study tables") -> pd.DataFrame:
    """Put study tables below each other, with the schema's columns only, and validate the whole.

    Paths are written, and hashed, as those of the first table (`data.paths`).
    """
    if len(tables) == 1:
        return tables[0]
    whole = pd.concat([table[list(COLUMNS)] for table in tables], ignore_index=True)
    whole.attrs = dict(tables[0].attrs)
    return validate_studies(whole, source)


def without_patients_of(studies: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Drop the rows whose patient also occurs in `others`; a patient is a `(dataset, patient_id)` pair."""
    taken = set(zip(others["dataset"], others["patient_id"], strict=True))
    keep = [pair not in taken for pair in zip(studies["dataset"], studies["patient_id"], strict=True)]
    return studies[keep].reset_index(drop=True)
