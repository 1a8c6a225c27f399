"""A search: each query in its modality, filtered, answered by a policy, to a table of K hits each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cxrneighbors.errors import UserError
from cxrneighbors.index.filters import Admission, Filters
from cxrneighbors.index.fusion import VECTOR_MODALITIES
from cxrneighbors.index.policies.registry import find_policy
from cxrneighbors.index.queries import Queries
from cxrneighbors.index.ranking import Hits
from cxrneighbors.index.request import Request, make_request
from cxrneighbors.index.vector_store import VectorStore

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


@dataclass(frozen=True)
class Batch:
    """Queries of one modality: their positions among all, int64 (A,), and each one's filter."""

    queries: Queries
    positions: np.ndarray
    modality: str
    admission: Admission


def search_table(
    store: VectorStore, queries: Queries, options: SearchOptions, rng: np.random.Generator
) -> pd.DataFrame:
    """Hits as a table, see `NeighborIndex.search`; `UserError` for a query that finds fewer than k."""
    policy = find_policy(options.policy)
    tables = []
    for batch in _batches(store, queries, options):
        vectors = batch.queries.vectors
        request = make_request(store, vectors, options.k, batch.modality, options.weights, batch.admission)
        hits = policy(request, rng)
        _check_complete(hits, request, batch, options)
        tables.append(_table(store, batch, hits))
    return pd.concat(tables).sort_index().reset_index(drop=True)


def admission(
    store: VectorStore, queries: Queries, filters: Filters, include_same_patient: bool
) -> Admission:
    """Filters, and each query's own row left out, or all rows of its patient."""
    if include_same_patient:
        return Admission(*filters, np.arange(len(store.studies)), queries.rows)
    return Admission(*filters, store.patients, queries.patients)


def query_modalities(store: VectorStore, queries: Queries, modality: str | None) -> np.ndarray:
    """The modality in which each query is searched: str (Q,).

    The given one, if every query has it; None: fused where a query has both, else the one it has.
    """
    has = {name: queries.has(name) for name in VECTOR_MODALITIES}
    if modality is not None:
        store.choose_modality(modality)
        for name in VECTOR_MODALITIES if modality == "fused" else (modality,):
            other = "report" if name == "image" else "image"
            remedy = f"choose modality={other!r} or leave modality out"
            _check_each(has[name], queries.names, f"it has no {name} to search by; {remedy}")
        return np.full(len(queries.names), modality)
    image, report = (has[name] & (name in store.spaces) for name in VECTOR_MODALITIES)
    remedy = "encode and index its pixels or its report, or query by another image"
    _check_each(image | report, queries.names, f"it has no vector in this index; {remedy}")
    by_image = image & (~report | (store.weights["image"] >= store.weights["report"]))
    single = np.where(by_image, "image", "report")
    return np.where(image & report & ("fused" in store.spaces), "fused", single)


def _batches(store: VectorStore, queries: Queries, options: SearchOptions) -> Iterator[Batch]:
    modalities = query_modalities(store, queries, options.modality)
    n_queries = len(queries.names)
    shared = options.where is None or isinstance(options.where, str)
    step = n_queries if shared else max(1, MASK_BYTES // len(store.studies))
    where = _where_each(options.where, n_queries)
    for start in range(0, n_queries, step):
        part = np.arange(start, min(start + step, n_queries))
        filters = _filters(store, where[start : start + step])
        admit = admission(store, queries.take(part), filters, options.include_same_patient)
        for modality in dict.fromkeys(modalities[part].tolist()):
            which = np.flatnonzero(modalities[part] == modality)
            yield Batch(queries.take(part[which]), part[which], modality, admit.take(which))


def _where_each(where: Where, n_queries: int) -> list[str | None]:
    if where is None or isinstance(where, str):
        return [where] * n_queries
    if len(where) != n_queries:
        raise UserError(
            f"where: {len(where)} expressions for {n_queries} queries; give one for all, or one each"
        )
    return list(where)


def _filters(store: VectorStore, where: list[str | None]) -> Filters:
    """Filters from an expression for each query; each distinct one is evaluated once."""
    position = {expression: i for i, expression in enumerate(dict.fromkeys(where))}
    which = np.array([position[expression] for expression in where], dtype=np.int64)
    if list(position) == [None]:
        return None, which
    return np.stack([store.rows_where(expression) for expression in position]), which


def _check_each(able: np.ndarray, names: list[str], mistake: str) -> None:
    if not able.all():
        raise UserError(f"query {names[int(np.argmin(able))]!r}: {mistake}")


def _check_complete(hits: Hits, request: Request, batch: Batch, options: SearchOptions) -> None:
    """Every query found k, or a `UserError` says how many images the first one short of k can find."""
    short = np.flatnonzero((hits.rows < 0).any(axis=1))
    if not len(short):
        return
    query = int(short[0])
    n = len(request.admission.admitted(query, request.candidates))
    where = options.where
    if where is not None and not isinstance(where, str):
        where = where[batch.positions[query]]
    passing = "can be found" if where is None else f"pass where {where!r}"
    patient = "" if options.include_same_patient else " and are of another patient"
    found = f"only {n} image{'' if n == 1 else 's'}" if n else "no images"
    loosen = "search a larger index" if where is None else "loosen where"
    remedy = f"ask for k={n} or {loosen}" if n else loosen
    name = batch.queries.names[query]
    raise UserError(f"query {name!r}: {found} {passing}{patient}, k is {options.k}; {remedy}")


def _table(store: VectorStore, batch: Batch, hits: Hits) -> pd.DataFrame:
    """One line for each of the K hits of each query, indexed by their place in the whole table."""
    n_queries, k = hits.rows.shape
    columns = {
        "query_id": np.repeat(np.array(batch.queries.names, dtype=object), k),
        "rank": np.tile(np.arange(1, k + 1), n_queries),
        "neighbor_id": store.studies["image_id"].to_numpy(dtype=object)[hits.rows.ravel()],
        "distance": hits.distance.ravel(),
    }
    for name in VECTOR_MODALITIES:
        squared = hits.squared.get(name)
        if squared is None:
            squared = store.squared_distances(name, batch.queries.vectors, hits.rows)
        columns[f"{name}_distance"] = store.single_distance(name, squared).ravel()
    return pd.DataFrame(columns, index=(batch.positions[:, None] * k + np.arange(k)).ravel())
