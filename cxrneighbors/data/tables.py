"""Study and region tables as Parquet files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from cxrneighbors.data.paths import resolved, stored
from cxrneighbors.data.schema import COLUMNS, SECTIONS, text_column, validate_studies
from cxrneighbors.errors import UserError
from cxrneighbors.files import atomic_path

# `x`, `y`, `width`, `height` are pixels of the file at the image's `path`, x to the right and y down from the
# upper left corner; `mask_path` names a picture of the same size whose non-zero pixels are the lesion.
REGION_COLUMNS = ("image_id", "finding", "x", "y", "width", "height", "mask_path")
_REGION_NUMBERS = ("x", "y", "width", "height")
_PANDAS_INDEX = re.compile(r"__index_level_\d+__")  # an index without a name, as pandas stores it


def write_table(studies: pd.DataFrame, path: str | Path, relative: bool | None = None) -> None:
    """Validate a study table and write it to `path` as Parquet, in one step.

    `relative`: whether the films' paths are written from the folder of `path`, so that both can move
    together, or absolute; None for as the table was read.

    `findings` is stored as list<string>, `sections` as a struct of strings, `age` as double, all other
    columns of the schema as string; further columns keep the type that pyarrow infers.
    """
    table = validate_studies(studies, source=str(path))
    table = stored(table, "path", Path(path).parent, relative)
    _write(table, path, {"findings": "findings", "sections": "sections", "age": "number"})


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a study table written by `write_table`; validated, `findings` as lists, `sections` as dicts.

    A relative `path` counts from the folder of the table, and is absolute in what comes back.
    Raises `UserError` when the file is missing, no Parquet file, or no study table.
    """
    return resolved(validate_studies(_read(path), source=str(path)), "path", Path(path).parent)


def regions_path(studies_path: str | Path) -> Path:
    """Where the regions of a study table lie: `<stem>.regions.parquet` beside it."""
    path = Path(studies_path)
    return path.with_name(f"{path.stem}.regions.parquet")


def empty_regions() -> pd.DataFrame:
    """A region table without rows."""
    return validate_regions(pd.DataFrame(columns=list(REGION_COLUMNS)))


def validate_regions(regions: pd.DataFrame, source: str = "region table") -> pd.DataFrame:
    """Check a region table's columns and types; `UserError` names the missing column or the bad number."""
    for column in ("image_id", "finding"):
        if column not in regions.columns:
            raise UserError(
                f"{source}: column {column!r} is missing; a region table needs {', '.join(REGION_COLUMNS)}"
            )
    table = regions.reindex(columns=list(REGION_COLUMNS)).reset_index(drop=True).astype(object)
    for column in REGION_COLUMNS:
        if column not in _REGION_NUMBERS:
            table[column] = text_column(table[column].tolist())
            continue
        try:
            table[column] = pd.to_numeric(table[column]).astype(float)
        except (TypeError, ValueError) as error:
            raise UserError(f"{source}: column {column!r} holds no number ({error}); correct it") from None
    return table


def write_regions(regions: pd.DataFrame, studies_path: str | Path, relative: bool | None = None) -> None:
    """Write the regions beside the study table; without rows, remove what an earlier import left there.

    `relative`: see `write_table`, for `mask_path`.
    """
    path = regions_path(studies_path)
    if not len(regions):
        path.unlink(missing_ok=True)
        return
    table = stored(validate_regions(regions, source=str(path)), "mask_path", path.parent, relative)
    _write(table, path, dict.fromkeys(_REGION_NUMBERS, "number"))


def read_regions(studies_path: str | Path) -> pd.DataFrame:
    """The regions that lie beside a study table (`REGION_COLUMNS`); no rows where there is no such file."""
    path = regions_path(studies_path)
    if not path.is_file():
        return empty_regions()
    return resolved(validate_regions(_read(path), source=str(path)), "mask_path", path.parent)


def _write(table: pd.DataFrame, path: str | Path, kinds: dict[str, str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        "number": pa.float64(),
        "findings": pa.list_(pa.string()),
        "sections": pa.struct([(name, pa.string()) for name in _section_names(table)]),
    }
    arrays, pool = [], pa.system_memory_pool()  # what is freed goes back to the system
    for column in table.columns:
        known = column in COLUMNS or column in REGION_COLUMNS
        kind = types[kinds[column]] if column in kinds else pa.string() if known else None
        try:
            arrays.append(pa.array(table[column].tolist(), type=kind, from_pandas=True, memory_pool=pool))
        except pa.ArrowException as error:
            reason = f"column {column!r} cannot be stored ({error})"
            raise UserError(f"{path}: {reason}; give it values of one type or drop it") from None
    names = [str(name) for name in table.columns]
    with atomic_path(path, clear=True) as temporary:
        pq.write_table(pa.table(arrays, names=names), temporary, memory_pool=pool)


def _section_names(table: pd.DataFrame) -> list[str]:
    found: Iterable[dict[str, str] | None] = table["sections"] if "sections" in table.columns else ()
    further = {name for sections in found if sections for name in sections} - set(SECTIONS)
    return [*SECTIONS, *sorted(further)]


def _read(path: str | Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; make a study table with `cxrneighbors import`")
    if path.name.lower().endswith((".csv", ".csv.gz", ".tsv")):
        remedy = f"`cxrneighbors import folder {path} --out TABLE.parquet`"
        raise UserError(f"{path}: a CSV; make a study table of it with {remedy}")
    try:
        # One file as it is: a folder name such as `a=b` must not add columns.
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{path}: cannot be read as Parquet ({reason}); make it again with `cxrneighbors import`"
        ) from None
    names = [name for name in table.column_names if not _PANDAS_INDEX.fullmatch(name)]
    if len(set(names)) < len(names):
        raise UserError(f"{path}: a column is there twice; rename or drop one")
    nested = [name for name in names if pa.types.is_nested(table.schema.field(name).type)]
    # Without pandas' own notes, by which columns become an index.
    frame = table.select([name for name in names if name not in nested]).to_pandas(ignore_metadata=True)
    for name in nested:
        frame[name] = pd.Series(table[name].to_pylist(), dtype=object)
    return pd.DataFrame(frame[names])
