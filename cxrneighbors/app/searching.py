"""From a query of the page to its answers."""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from typing import Any

import numpy as np

from cxrneighbors.app.answer import Answer, Hit, Overlap, Target
from cxrneighbors.app.film import Film
from cxrneighbors.app.query import MANY, MOST, Query
from cxrneighbors.app.shown import without_paths
from cxrneighbors.app.uploads import Uploads
from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.errors import UserError
from cxrneighbors.evaluation.labels import Labels, encode_labels
from cxrneighbors.evaluation.overlap import pair_overlap
from cxrneighbors.evaluation.target_expectation import target_expectation
from cxrneighbors.index.filters import array_filters
from cxrneighbors.index.fusion import VECTOR_MODALITIES
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.queries import Queries, read_queries
from cxrneighbors.index.request import ranking_factors
from cxrneighbors.index.search import SearchOptions, find, query_modalities

KEPT = 32  # masks of filters


class Searching:
    """Searches one index; see `Archive`, whose lock it needs."""

    def __init__(self, index: NeighborIndex) -> None:
        self.index, self.store = index, index.store
        self._masks: OrderedDict[str, np.ndarray] = OrderedDict()

    @cached_property
    def labels(self) -> Labels:
        """Findings of all films as bit masks."""
        return encode_labels(self.index.studies["findings"])

    def allowed(self, query: Query) -> np.ndarray:
        """Films that pass all filters: bool (N,)."""
        where = query.filter()
        if where is None:
            return np.ones(len(self.index.studies), dtype=bool)
        if where not in self._masks:
            self.index.rows_where(query.where.strip() or None)  # its mistakes are shown without the rest
            self._masks[where] = self.index.rows_where(where)
        self._masks.move_to_end(where)
        while len(self._masks) > KEPT:
            self._masks.popitem(last=False)
        return self._masks[where]

    def answers(self, query: Query, uploads: Uploads) -> list[Answer]:
        """An answer for each target, at most `MANY`."""
        allowed, text = self.allowed(query), query.text.strip() or None
        asked: list[dict[str, Any]] = [{"image_ids": [name]} for name in query.image_ids]
        asked += [{"image": token} for token in query.uploads]
        if not asked and text:
            asked = [{}]
        return [self._answer(one, text, query, allowed, uploads) for one in asked[:MANY]]

    def _answer(
        self, asked: dict[str, Any], text: str | None, query: Query, allowed: np.ndarray, uploads: Uploads
    ) -> Answer:
        token, films = asked.get("image"), asked.get("image_ids", [])
        target = Target(upload=token, text=text)
        try:
            if films:
                target = Target(Film.of(self.index.studies.iloc[self.store.rows_of(films)[0]]), text=text)
            given = {"image": [uploads.pixels(token)]} if token else asked
            words = {"text": [text]} if text else {}
            queries = read_queries(self.store, self.index.encoders, **given, **words)
            row = int(queries.rows[0])
            if token and row >= 0:
                target = Target(Film.of(self.index.studies.iloc[row]), token, text)
            return self._found(target, queries, query, allowed)
        except UserError as error:
            return Answer(target, error=without_paths(str(error)))

    def _found(self, target: Target, queries: Queries, query: Query, allowed: np.ndarray) -> Answer:
        store = self.store
        modality = str(query_modalities(store, queries, None)[0])
        weights = query.weights if modality == "fused" else None
        k = max(1, min(query.k, MOST))
        options = SearchOptions(k, query.policy, query.same_patient, weights, query.one_per)
        filters = array_filters(allowed, 1, len(allowed))
        rng = np.random.default_rng(0)
        hits = find(store, queries, np.array([modality]), filters, options, rng)
        there = hits.rows[0] >= 0
        rows, distances = hits.rows[0][there], hits.distance[0][there]
        searched, factors = ranking_factors(store, modality, weights)
        apart = {
            name: store.distances(queries.vectors, rows[None], {name: 1.0 / store.scale.get(name, 1.0)})[0]
            for name in VECTOR_MODALITIES
        }
        shares: list[float | None] = [None] * len(rows)
        if searched == "fused":
            parts = {m: factors[m] * store.scale[m] * apart[m].astype(np.float64) ** 2 for m in factors}
            total = np.maximum(parts["image"] + parts["report"], 1e-12)
            shares = [None if s != s else float(s) for s in parts["image"] / total]
        found = tuple(
            Hit(Film.of(self.index.studies.iloc[row]), float(d), float(i), float(r), share)
            for row, d, i, r, share in zip(rows, distances, *apart.values(), shares, strict=True)
        )
        return Answer(target, found, searched, k, self._overlap(queries, rows, query, allowed))

    def _overlap(
        self, queries: Queries, rows: np.ndarray, query: Query, allowed: np.ndarray
    ) -> Overlap | None:
        """Of a target that the index knows and that is labelled; None for others."""
        row, labels = int(queries.rows[0]), self.labels
        if row < 0 or not labels.labelled[row]:
            return None
        among = allowed & labels.labelled & (self.store.patients != self.store.patients[row])
        if query.same_patient:
            among = allowed & labels.labelled & (np.arange(len(allowed)) != row)
        counted = rows[labels.labelled[rows]]
        if not len(counted) or not among.any():
            return None
        units = self.store.units(query.one_per)
        units = np.arange(len(allowed)) if units is None else units
        mask = labels.masks[row]
        expected = target_expectation(mask, labels.masks[among], units[among], "any", len(counted))
        shared = int(pair_overlap(mask, labels.masks[counted], "any").sum())
        alone = list(self.index.studies["findings"].iloc[row]) == [NO_FINDING]
        return Overlap(shared, len(counted), expected, alone, query.filter() is not None)
