"""A search: each query in its modality, filtered, answered by a policy, to a table of K hits each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import pandas as pd

from cxrneighbors.arguments import expression
from cxrneighbors.errors import UserError, choose
from cxrneighbors.index.filters import Admission, Filters
from cxrneighbors.index.fusion import FUSIONS, VECTOR_MODALITIES
from cxrneighbors.index.policies.cluster import cluster
from cxrneighbors.index.policies.diverse import diverse
from cxrneighbors.index.policies.nearest import nearest
from cxrneighbors.index.policies.random import random
from cxrneighbors.index.policies.rank_fusion import rank_fusion
from cxrneighbors.index.queries import Queries
from cxrneighbors.index.request import Hits, Request, ranking_factors
from cxrneighbors.index.vector_store import VectorStore

# What a table of hits says of the films found, beside their ids and distances.
FILM_COLUMNS = ("patient_id", "view", "findings", "path")
# A policy returns k hits for each query, each admitted and once.
Policy = Callable[[Request, np.random.Generator], Hits]

POLICIES: dict[str, Policy] = {
    "nearest": nearest,
    "diverse": diverse,
    "cluster": cluster,
    "random": random,
}
# Queries with a filter of their own are answered in parts whose masks take at most this much.
MASK_BYTES = 2**28


@dataclass(frozen=True)
class SearchOptions:
    """The part of a search that is not its queries; see `NeighborIndex.search`."""

    k: int
    policy: str
    include_same_patient: bool
    weights: Mapping[str, float] | None
    one_per: str
    fusion: str | None = None


def find(
    store: VectorStore,
    queries: Queries,
    modalities: np.ndarray,
    filters: Filters,
    options: SearchOptions,
    rng: np.random.Generator,
) -> Hits:
    """Hits of queries, each searched in its own of `modalities` str (Q,), which it has."""
    if options.k < 1:
        raise UserError(f"k: {options.k} neighbours cannot be found; ask for k=1 or more")
    policy = POLICIES[choose("policy", options.policy, tuple(POLICIES))]
    choose("fusion", options.fusion or store.fusion, FUSIONS)
    admission = _admission(store, queries, filters, options)
    shape = (len(modalities), options.k)
    hits = Hits(np.full(shape, -1, dtype=np.int64), np.full(shape, np.nan, dtype=np.float32))
    for asked in dict.fromkeys(modalities.tolist()):
        modality, factors = ranking_factors(store, asked, options.weights)
        request = Request(store, queries.vectors, options.k, modality, factors, admission)
        which = np.flatnonzero(modalities == asked)
        by_ranks = modality == "fused" and (options.fusion or store.fusion) == "ranks"
        answer = _by_ranks(options.policy) if by_ranks else policy
        hits.rows[which], hits.distance[which] = answer(request.take(which), rng)
    return hits


def search_table(
    store: VectorStore,
    queries: Queries,
    modality: str | None,
    where: str | Sequence[str | None] | None,
    options: SearchOptions,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Hits as a table, see `NeighborIndex.search`; `UserError` for a query that finds fewer than k."""
    expressions = _each(where, len(queries.names))
    modalities = query_modalities(store, queries, modality)
    _check_k(store, queries, modalities, expressions, options)
    step = len(expressions)
    if len(set(expressions)) * len(store.studies) > MASK_BYTES:
        step = max(1, MASK_BYTES // len(store.studies))
    found = []
    for part in (slice(start, start + step) for start in range(0, len(expressions), step)):
        filters = _filters(store, expressions[part])
        found.append(find(store, queries.take(part), modalities[part], filters, options, rng))
    hits = Hits(*(np.concatenate(values) for values in zip(*found, strict=True)))
    short = np.flatnonzero((hits.rows < 0).any(axis=1))
    if len(short):
        first = slice(short[0], short[0] + 1)
        _raise_short(store, queries.take(first), modalities[short[0]], expressions[short[0]], options)
    return _table(store, queries, hits)


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
            _check_all(has[name], queries, f"it has no {name} to search by; {remedy}")
        return np.full(len(queries.names), modality)
    image, report = (has[name] & (name in store.spaces) for name in VECTOR_MODALITIES)
    remedy = "encode and index its pixels or its report, or query by another image"
    _check_all(image | report, queries, f"it has no vector in this index; {remedy}")
    by_image = image & (~report | (store.weights["image"] >= store.weights["report"]))
    single = np.where(by_image, "image", "report")
    return np.where(image & report & ("fused" in store.spaces), "fused", single)


def _by_ranks(policy: str) -> Policy:
    if policy != "nearest":
        raise UserError(f"policy {policy!r}: it chooses by distances; search with fusion 'distance'")
    return rank_fusion


def _admission(store: VectorStore, queries: Queries, filters: Filters, options: SearchOptions) -> Admission:
    units = store.units(options.one_per)
    masks, which, where = filters
    if options.include_same_patient:
        rows = np.arange(len(store.studies))
        return Admission(masks, which, rows, queries.rows, units, where, key="row")
    return Admission(masks, which, store.patients, queries.patients, units, where)


def _each(where: str | Sequence[str | None] | None, n_queries: int) -> list[str | None]:
    if where is None or isinstance(where, str):
        return [where] * n_queries
    if not isinstance(where, Sequence) or not all(each is None or isinstance(each, str) for each in where):
        expression("where", where)
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
        return Filters(None, which)
    masks = np.stack([store.rows_where(expression) for expression in position])
    return Filters(masks, which, tuple(position))


def _check_all(able: np.ndarray, queries: Queries, mistake: str) -> None:
    if not able.all():
        raise UserError(f"query {queries.names[np.argmin(able)]!r}: {mistake}")


def _check_k(
    store: VectorStore,
    queries: Queries,
    modalities: np.ndarray,
    where: list[str | None],
    options: SearchOptions,
) -> None:
    """Refuse a k beyond what a whole modality holds, before anything of its size is allocated."""
    for asked in dict.fromkeys(modalities.tolist()):
        searched, _ = ranking_factors(store, asked, options.weights)
        units, rows = store.units(options.one_per), store.spaces[searched].rows
        if options.k > (len(rows) if units is None else len(np.unique(units[rows]))):
            first = int(np.argmax(modalities == asked))
            _raise_short(store, queries.take(slice(first, first + 1)), asked, where[first], options)


def _raise_short(
    store: VectorStore, query: Queries, modality: str, where: str | None, options: SearchOptions
) -> NoReturn:
    """Say how many images, studies or patients the one query can find."""
    searched, _ = ranking_factors(store, modality, options.weights)
    admission = _admission(store, query, _filters(store, [where]), options)
    rows = admission.admitted(0, store.spaces[searched].rows)
    n = admission.count_units(rows)
    passing = "can be found" if where is None else f"pass where {where!r}"
    patient = "" if options.include_same_patient else " and are of another patient"
    found = f"only {len(rows)} image{'' if len(rows) == 1 else 's'}" if n else "no images"
    loosen = "search a larger index" if where is None else "loosen where"
    remedy = f"ask for k={n} or {loosen}" if n else loosen
    if n < len(rows):
        found += f" of {n} {'studies' if options.one_per == 'study' else 'patients'}"
        remedy = f"ask for k={n} or one per image, or {loosen}"
    raise UserError(f"query {query.names[0]!r}: {found} {passing}{patient}, k is {options.k}; {remedy}")


def _table(store: VectorStore, queries: Queries, hits: Hits) -> pd.DataFrame:
    n_queries, k = hits.rows.shape
    columns = {
        "query_id": np.repeat(queries.names, k),
        "rank": np.tile(np.arange(1, k + 1), n_queries),
        "neighbor_id": store.studies["image_id"].to_numpy(dtype=object)[hits.rows.ravel()],
        "distance": hits.distance.ravel(),
    }
    for name in VECTOR_MODALITIES:
        factors = {name: 1.0 / store.scale.get(name, 1.0)}
        columns[f"{name}_distance"] = store.distances(queries.vectors, hits.rows, factors).ravel()
    found = store.studies.iloc[hits.rows.ravel()]
    for name in FILM_COLUMNS:
        columns[name] = found[name].to_numpy(dtype=object)
    columns["findings"] = pd.Series([list(names) for names in found["findings"]], dtype=object)
    return pd.DataFrame(columns)
