"""The study table: one row per image, validated at the boundary."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.arguments import one_of_type
from cxrneighbors.data.paths import portable
from cxrneighbors.data.views import POSITIONS, VIEWS
from cxrneighbors.data.written_values import written_list, written_sections
from cxrneighbors.errors import UserError

NO_FINDING = "No Finding"
SECTIONS = ("examination", "indication", "history", "comparison", "technique", "findings", "impression")
SPLITS = ("train", "val", "test")
REQUIRED = ("image_id", "patient_id", "findings")
# What a missing optional column is filled with; order is the order of the table.
DEFAULTS: dict[str, Any] = {
    "image_id": None,
    "path": None,
    "patient_id": None,
    "study_id": None,
    "view": "UNKNOWN",
    "position": "unknown",
    "sex": None,
    "age": np.nan,
    "findings": None,
    "report": None,
    "sections": None,
    "split": "train",
    "dataset": "unknown",
}
COLUMNS = tuple(DEFAULTS)


def validate_studies(studies: pd.DataFrame, source: str = "study table") -> pd.DataFrame:
    """Check a study table and bring its types into the one form that the package uses.

    Returns a new DataFrame with `COLUMNS` first (missing optional ones filled, further columns kept):
    text columns hold `str` or None, `age` float64 years, `findings` a list of str, `sections` a dict or None.

    What pandas made of a table on the way is undone: columns that became the index, lists and dicts that
    became text, ids that became floats.

    Raises `UserError` naming `source` and the column: a missing or repeated column, a duplicate `image_id`,
    a value outside its vocabulary, an age outside 0 to 130, findings or sections of another kind.
    """
    remedy = "give a study table (DataFrame), such as read_table(path) and read_studies(...) return"
    one_of_type(source, studies, pd.DataFrame, remedy)
    indexed = [name for name in studies.index.names if name in COLUMNS and name not in studies.columns]
    studies = studies.reset_index(indexed) if indexed else studies
    missing = [column for column in REQUIRED if column not in studies.columns]
    if missing:
        raise UserError(
            f"{source}: column {missing[0]!r} is missing; a study table needs {', '.join(REQUIRED)}"
        )
    if not studies.columns.is_unique:
        twice = studies.columns[studies.columns.duplicated()][0]
        raise UserError(f"{source}: column {twice!r} is there twice; rename or drop one")
    extra = [column for column in studies.columns if column not in COLUMNS]
    table = pd.DataFrame(index=pd.RangeIndex(len(studies)))
    for column, default in DEFAULTS.items():
        values = studies[column].tolist() if column in studies.columns else [default] * len(studies)
        table[column] = _column(column, values, source)
    if "study_id" not in studies.columns:
        table["study_id"] = table["image_id"]
    for column in extra:
        table[column] = studies[column].to_numpy()
    table.attrs = dict(studies.attrs)
    _check(table, source)
    return table


def studies_hash(studies: pd.DataFrame) -> str:
    """SHA-256 over what an embedding depends on: `image_id`, `portable` path and `report`, in row order."""
    digest = hashlib.sha256()
    for values in (studies["image_id"], portable(studies), studies["report"]):
        for value in values:
            digest.update(("\x00" if _is_missing(value) else str(value)).encode("utf-8"))
            digest.update(b"\x1f")
    return digest.hexdigest()


def has_text(values: pd.Series) -> np.ndarray:
    """Rows with a non-blank text: bool (N,)."""
    return np.array([isinstance(value, str) and bool(value.strip()) for value in values], dtype=bool)


def text_column(values: list[Any]) -> pd.Series:
    """N values as `str` or None, whatever stands for a missing one; whole floats without `.0`."""
    if set(map(type, values)) <= {str, type(None)}:
        return pd.Series(values, dtype=object)
    return pd.Series([None if _is_missing(value) else _text(value) for value in values], dtype=object)


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _is_missing(value: Any) -> bool:
    return (
        value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value))
    )


def _column(column: str, values: list[Any], source: str) -> pd.Series:
    if column == "age":
        return _ages(values, source)
    if column not in _PARSED:
        return text_column(values)
    parse, remedy = _PARSED[column]
    parsed = []
    for row, value in enumerate(values):
        try:
            parsed.append(parse(value))
        except (TypeError, ValueError):
            raise UserError(
                f"{source}: column {column!r} holds {_shown(value)} in row {row}; {remedy}"
            ) from None
    return pd.Series(parsed, dtype=object)


def _ages(values: list[Any], source: str) -> pd.Series:
    """Years as float64; what is neither a number nor missing or blank is an error."""
    years = pd.Series(pd.to_numeric(pd.Series(values, dtype=object), errors="coerce"), dtype="float64")
    for row in np.flatnonzero(years.isna()):
        if not _is_missing(values[row]) and str(values[row]).strip().lower() not in ("", "nan"):
            said = f"column 'age' holds {_shown(values[row])} in row {row}"
            raise UserError(f"{source}: {said}; give years as a number, or leave it blank")
    return years


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:60]}..."


def _findings(value: Any) -> list[str]:
    if type(value) is list and "" not in value and set(map(type, value)) <= {str}:
        return value.copy()
    if _is_missing(value):
        return []
    if isinstance(value, str):
        written = written_list(value)
        value = value.split("|") if written is None else written
    if isinstance(value, Mapping | bytes):
        raise TypeError
    return [str(part) for part in value if not _is_missing(part) and part != ""]


def _sections(value: Any) -> dict[str, str] | None:
    if _is_missing(value) or (isinstance(value, str) and not value.strip()):
        return None
    parts = written_sections(value) if isinstance(value, str) else dict(value)
    kept = {str(key): str(text) for key, text in parts.items() if not _is_missing(text)}
    return kept or None


# How a column's values are read, and what to do where they cannot be.
_PARSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "findings": (_findings, "give a list of names, or a text with | between them"),
    "sections": (_sections, "give a dict of texts, or drop the column"),
}


@cache
def _pandera_schema() -> Any:
    import pandera.pandas as pa

    text: dict[str, Any] = {"nullable": False, "coerce": False}
    return pa.DataFrameSchema(
        {
            "image_id": pa.Column(object, unique=True, **text),
            "patient_id": pa.Column(object, **text),
            "study_id": pa.Column(object, **text),
            "view": pa.Column(object, pa.Check.isin(VIEWS), **text),
            "position": pa.Column(object, pa.Check.isin(POSITIONS), **text),
            "sex": pa.Column(object, pa.Check.isin(("F", "M")), nullable=True),
            "age": pa.Column("float64", pa.Check.in_range(0, 130), nullable=True),
            "split": pa.Column(object, pa.Check.isin(SPLITS), **text),
            "dataset": pa.Column(object, **text),
        },
        strict=False,
    )


def _check(table: pd.DataFrame, source: str) -> None:
    import pandera.errors

    try:
        _pandera_schema().validate(table)
    except pandera.errors.SchemaError as error:
        cases = error.failure_cases
        values = [] if cases is None else list(pd.DataFrame(cases).get("failure_case", []))
        shown = ", ".join(repr(value) for value in values[:3]) or str(error.check)
        column = getattr(error.schema, "name", None) or "?"
        if column == "image_id" and table["image_id"].duplicated().any():
            first = table.loc[table["image_id"].duplicated(), "image_id"].iloc[0]
            raise UserError(f"{source}: duplicate image_id {first!r}; give every image its own id") from None
        raise UserError(
            f"{source}: column {column!r} holds {shown}, which fails {error.check}; correct the values"
        ) from None
