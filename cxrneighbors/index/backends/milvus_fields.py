"""The scalar fields of a Milvus collection: what is kept of each row beside its vector, to filter by.

No field is nullable, since versions of Milvus disagree about comparisons with null under `not`. A missing
value is stored as a filler; a column that has any gets a second field, `missing_NAME`. A column stays out,
and what is asked of it is answered without Milvus, where its name is no ASCII identifier, a text or a list of
it is too long, or a number infinite; and so do paths and reports, which no search needs there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from cxrneighbors.index.backends.registry import Attributes
from cxrneighbors.index.predicate_columns import Column

# The name of a column's field starts with what it holds, so that no name is a word of Milvus' language.
PREFIX = {"text": "text_", "number": "number_", "yes/no": "flag_", "list": "list_"}
MISSING = "missing_"
TEXT_BYTES = 256
LIST_LENGTH = 64
# A collection of a cluster has at most 64 fields, its key and its vector among them.
MAX_FIELDS = 62
_KEPT_OUT = {"path", "report", "sections"}
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,99}")


class Field(NamedTuple):
    """`type`: name of a `pymilvus.DataType`; `values`: one a row; `options`: further ones of `add_field`."""

    type: str
    values: list[Any]
    options: dict[str, Any] = {}  # noqa: RUF012


def scalar_fields(attributes: Attributes) -> dict[str, Field]:
    """The fields by name: one for each key, one or two for each column, as many as a collection holds."""
    fields = {name: Field("INT64", values.tolist()) for name, values in attributes.keys.items()}
    for name, column in attributes.columns.items():
        more = _fields_of(name, column)
        if len(fields) + len(more) <= MAX_FIELDS:
            fields |= more
    return fields


def field_name(column: Column) -> str:
    """What the field of a column is called, if it has one.

    >>> field_name(Column("age", "number", np.zeros(1), np.zeros(1, dtype=bool)))
    'number_age'
    """
    return PREFIX.get(column.kind, column.kind) + column.name


def _fields_of(name: str, column: Column) -> dict[str, Field]:
    if name in _KEPT_OUT or not _NAME.fullmatch(name) or column.kind not in PREFIX:
        return {}
    field = _FIELD[column.kind](column)
    if field is None:
        return {}
    fields = {field_name(column): field}
    if column.missing.any():
        fields[MISSING + name] = Field("BOOL", column.missing.tolist())
    return fields


def _numbers(column: Column) -> Field | None:
    values = np.where(column.missing, 0.0, column.values) + 0.0  # no -0.0, which is another value in a list
    return Field("DOUBLE", values.tolist()) if np.isfinite(values).all() else None


def _flags(column: Column) -> Field:
    return Field("BOOL", (column.values & ~column.missing).tolist())


def _texts(column: Column) -> Field | None:
    values = ["" if gone else str(v) for v, gone in zip(column.values, column.missing, strict=True)]
    return Field("VARCHAR", values, {"max_length": TEXT_BYTES}) if _fit(values) else None


def _lists(column: Column) -> Field | None:
    pairs = zip(column.values, column.missing, strict=True)
    values = [[] if gone else list(names) for names, gone in pairs]
    if not all(len(names) <= LIST_LENGTH and _fit(names) for names in values):
        return None
    texts = {"element_type": "VARCHAR", "max_capacity": LIST_LENGTH, "max_length": TEXT_BYTES}
    return Field("ARRAY", [[str(name) for name in names] for names in values], texts)


_FIELD = {"number": _numbers, "yes/no": _flags, "text": _texts, "list": _lists}


def _fit(values: Iterable[Any]) -> bool:
    try:
        return all(isinstance(v, str) and len(v.encode("utf-8")) <= TEXT_BYTES for v in values)
    except UnicodeEncodeError:  # half of a pair of surrogates
        return False
