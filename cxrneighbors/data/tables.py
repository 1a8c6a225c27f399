"""Study and region tables as Parquet files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from cxrneighbors.data.schema import COLUMNS, SECTIONS, text_column, validate_studies
from cxrneighbors.errors import UserError
from cxrneighbors.files import atomic_path

# `x`, `y`, `width`, `height` are pixels of the file at the image's `path`, x to the right and y down from the
# upper left corner; `mask_path` names a picture of the same size whose non-zero pixels are the lesion.
REGION_COLUMNS = ("image_id", "finding", "x", "y", "width", "height", "mask_path")
_REGION_NUMBERS = ("x", "y", "width", "height")


def write_table(studies: pd.DataFrame, path: str | Path) -> None:
    """Validate a study table and write it to `path` as Parquet, in one step.

    `findings` is stored as list<string>, `sections` as a struct of strings, `age` as double, all other
    columns of the schema as string; further columns keep the type that pyarrow infers.
    """
    table = validate_studies(studies, source=str(path))
    _write(table, path, {"findings": "findings", "sections": "sections", "age": "number"})


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a study table written by `write_table`; validated, `findings` as lists, `sections` as dicts.

    Raises `UserError` when the file is missing, no Parquet file, or no study table.
    """
    return validate_studies(_read(path), source=str(path))


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


def write_regions(regions: pd.DataFrame, studies_path: str | Path) -> None:
    """Write the regions beside the study table; without rows, remove what an earlier import left there."""
    path = regions_path(studies_path)
    if not len(regions):
        path.unlink(missing_ok=True)
        return
    table = validate_regions(regions, source=str(path))
    _write(table, path, dict.fromkeys(_REGION_NUMBERS, "number"))


def read_regions(studies_path: str | Path) -> pd.DataFrame:
    """The regions that lie beside a study table (`REGION_COLUMNS`); no rows where there is no such file."""
    path = regions_path(studies_path)
    if not path.is_file():
        return empty_regions()
    return validate_regions(_read(path), source=str(path))


def _write(table: pd.DataFrame, path: str | Path, kinds: dict[str, str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        "number": pa.float64(),
        "findings": pa.list_(pa.string()),
        "sections": pa.struct([(name, pa.string()) for name in _section_names(table)]),
    }
    arrays = []
    for column in table.columns:
        known = column in COLUMNS or column in REGION_COLUMNS
        kind = types[kinds[column]] if column in kinds else pa.string() if known else None
        try:
            arrays.append(pa.array(table[column].tolist(), type=kind, from_pandas=True))
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            reason = f"column {column!r} cannot be stored ({error})"
            raise UserError(f"{path}: {reason}; give it values of one type or drop it") from None
    with atomic_path(path) as temporary:
        pq.write_table(pa.table(arrays, names=[str(name) for name in table.columns]), temporary)


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
    try:
        # One file as it is: a folder name such as `a=b` must not add columns.
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{path}: cannot be read as Parquet ({reason}); make it again with `cxrneighbors import`"
        ) from None
    nested = [name for name in table.column_names if pa.types.is_nested(table.schema.field(name).type)]
    frame = table.drop_columns(nested).to_pandas()
    for name in nested:
        frame[name] = pd.Series(table[name].to_pylist(), dtype=object)
    return pd.DataFrame(frame[table.column_names])
