"""`NeighborIndex.search`: queries of every kind in, a table of hits out, K lines per query or an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxrneighbors.errors import UserError
from cxrneighbors.index.filters import Admission, admission, check_where_count, masks_from_expressions
from cxrneighbors.index.queries import Queries, row_queries
from cxrneighbors.index.query_encoding import encode_images, encode_texts
from cxrneighbors.index.request import check_k

if TYPE_CHECKING:
    from cxrneighbors.index.neighbor_index import NeighborIndex

COLUMNS = ("query_id", "rank", "neighbor_id", "distance", "image_distance", "report_distance")
# Queries with a filter of their own are answered in parts whose masks take at most this much.
MASK_BYTES = 2**28
Where = str | Sequence[str | None] | None


@dataclass(frozen=True)
class SearchOptions:
    """The part of a search that is not its queries; see `NeighborIndex.search`."""

    k: int
    where: Where
    modality: str | None
    policy: str
    include_same_patient: bool
    weights: Mapping[str, float] | None
    seed: int
    patient: int = -1  # of queries from outside


def search_table(
    index: NeighborIndex, queries: Queries, names: list[str], options: SearchOptions
) -> pd.DataFrame:
    """Hits of `queries`, called `names`, as a table of `COLUMNS`."""
    check_k(options.k)
    rng = np.random.default_rng(options.seed)
    if options.where is None or isinstance(options.where, str):
        return _search_part(index, queries, names, options, rng)
    check_where_count(options.where, len(queries))
    step = max(1, MASK_BYTES // len(index.studies))
    parts = [slice(start, start + step) for start in range(0, len(queries), step)]
    tables = [
        _search_part(index, queries.take(part), names[part], replace(options, where=options.where[part]), rng)
        for part in parts
    ]
    return tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)


def _search_part(
    index: NeighborIndex,
    queries: Queries,
    names: list[str],
    options: SearchOptions,
    rng: np.random.Generator,
) -> pd.DataFrame:
    k = options.k
    masks, which = masks_from_expressions(options.where, len(queries), index.rows_where)
    admit = admission(masks, which, index.patients, queries.rows, options.include_same_patient)
    if options.patient >= 0 and not options.include_same_patient:
        admit = replace(admit, query_keys=np.where(queries.rows < 0, options.patient, admit.query_keys))
    rows = np.full((len(queries), k), -1, dtype=np.int64)
    distances = {
        name: np.full((len(queries), k), np.nan, dtype=np.float32) for name in ("total", "image", "report")
    }
    chosen = query_modalities(index, queries, names, options.modality)
    for modality in dict.fromkeys(chosen):
        part = np.flatnonzero(np.array(chosen) == modality)
        request = index.request(queries.take(part), k, modality, options.weights, admit.take(part))
        rows[part], parts = index.find(request, options.policy, rng)
        for name, values in parts.items():
            distances[name][part] = values
        _check_complete(rows, part, request.candidates, admit, names, options)
    return _table(index, names, rows, distances)


def make_queries(
    index: NeighborIndex,
    image_ids: str | Sequence[str] | None,
    image: str | Path | np.ndarray | Sequence[str | Path] | None,
    text: str | Sequence[str] | None,
) -> tuple[Queries, list[str]]:
    """Queries and their names in the table: from ids or files, each with a text or without, or from texts."""
    ids, files, texts = _listed(image_ids), _listed(image), _listed(text)
    if ids is not None and files is not None:
        raise UserError("search: both image ids and image files are given; give one of them")
    first = ids if ids is not None else files
    if first is None and texts is None:
        raise UserError("search: there is no query; give an image id, an image file, or a text")
    if first is not None and texts is not None and len(first) != len(texts):
        raise UserError(f"search: {len(texts)} texts for {len(first)} images; give one text for each image")
    names = (
        ["image" if isinstance(name, np.ndarray) else str(name) for name in first]
        if first is not None
        else [f"text {i + 1}" for i in range(len(texts or []))]
    )
    if not names:
        raise UserError("search: the list of queries is empty; give at least one")
    queries = Queries({}, np.full(len(names), -1, dtype=np.int64))
    if ids is not None:
        queries = row_queries(index.vectors, index.has, _rows_of(index, names))
    elif files is not None:
        queries.vectors["image"] = encode_images(index.encoders.get("image"), files)
    if texts is not None:
        queries.vectors["report"] = encode_texts(index.encoders.get("report"), texts)
    return queries, names


def query_modalities(
    index: NeighborIndex, queries: Queries, names: list[str], modality: str | None
) -> list[str]:
    """The modality in which each query is searched.

    The given one, if every query has it; None: fused where a query has both, else the one it has.
    """
    if modality is not None:
        index.choose_modality(modality)
        for name in ("image", "report") if modality == "fused" else (modality,):
            lacking = ~queries.has(name)
            if lacking.any():
                raise UserError(
                    f"query {names[int(np.argmax(lacking))]!r}: it has no {name} to search by; "
                    f"choose modality={'report' if name == 'image' else 'image'!r} or leave modality out"
                )
        return [modality] * len(queries)
    preferred = sorted(index.weights, key=lambda name: -index.weights[name])
    has = {name: queries.has(name) & (name in index.spaces) for name in preferred}
    lacking = ~(has["image"] | has["report"])
    if lacking.any():
        raise UserError(
            f"query {names[int(np.argmax(lacking))]!r}: it has no vector in this index; "
            "encode and index its pixels or its report, or query by another image"
        )
    single = np.where(has[preferred[0]], preferred[0], preferred[1])
    both = has["image"] & has["report"] & ("fused" in index.spaces)
    return [str(name) for name in np.where(both, "fused", single)]


def _check_complete(
    rows: np.ndarray,
    part: np.ndarray,
    candidates: np.ndarray,
    admit: Admission,
    names: list[str],
    options: SearchOptions,
) -> None:
    short = part[(rows[part] < 0).any(axis=1)]
    if not len(short):
        return
    query = int(short[0])
    n = len(admit.admitted(query, candidates))
    where = options.where if options.where is None or isinstance(options.where, str) else options.where[query]
    passing = "can be found" if where is None else f"pass where {where!r}"
    patient = "" if options.include_same_patient else " and are of another patient"
    found = f"only {n} image{'' if n == 1 else 's'}" if n else "no images"
    loosen = "search a larger index" if where is None else "loosen where"
    remedy = f"ask for k={n} or {loosen}" if n else loosen
    raise UserError(f"query {names[query]!r}: {found} {passing}{patient}, k is {options.k}; {remedy}")


def _table(
    index: NeighborIndex, names: list[str], rows: np.ndarray, distances: dict[str, np.ndarray]
) -> pd.DataFrame:
    n_queries, k = rows.shape
    columns: dict[str, Any] = {
        "query_id": np.repeat(np.array(names, dtype=object), k),
        "rank": np.tile(np.arange(1, k + 1), n_queries),
        "neighbor_id": index.studies["image_id"].to_numpy(dtype=object)[rows.ravel()],
        "distance": distances["total"].ravel(),
        "image_distance": distances["image"].ravel(),
        "report_distance": distances["report"].ravel(),
    }
    return pd.DataFrame(columns, columns=list(COLUMNS))


def _rows_of(index: NeighborIndex, names: list[str]) -> np.ndarray:
    rows = index.row_of.reindex(names)
    if rows.isna().any():
        unknown = names[int(np.argmax(rows.isna().to_numpy()))]
        examples = ", ".join(index.studies["image_id"][:3])
        raise UserError(f"image id {unknown!r}: not in this index; its ids look like {examples}")
    return rows.to_numpy(dtype=np.int64)


def _listed(value: Any) -> list[Any] | None:
    if value is None:
        return None
    return [value] if isinstance(value, str | Path | np.ndarray) else list(value)


def patient_code(index: NeighborIndex, name: str | None) -> int:
    """Number of the patient called 'patient_id' or 'dataset:patient_id'; -1 for None."""
    if name is None:
        return -1
    people = index.studies[["dataset", "patient_id"]].assign(code=index.patients).drop_duplicates()
    full = people["dataset"].astype(str) + ":" + people["patient_id"].astype(str)
    found = people[(people["patient_id"].astype(str) == name) | (full == name)]
    if len(found) != 1:
        what = "no patient of this index" if not len(found) else f"{len(found)} data sets have one"
        raise UserError(f"patient_id {name!r}: {what}; give one of the study table as dataset:patient_id")
    return int(found["code"].iloc[0])
