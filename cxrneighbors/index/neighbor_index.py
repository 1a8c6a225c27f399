"""The fused index: which rows lie nearest to an image, a report, or both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.errors import UserError, choose
from cxrneighbors.index import storage
from cxrneighbors.index.build import align, check_studies
from cxrneighbors.index.candidates import EXACT_ROWS
from cxrneighbors.index.encoder_source import EncoderSource
from cxrneighbors.index.filters import admission, masks_from_array
from cxrneighbors.index.fusion import MODALITIES, check_weights, distance_factors, modality_scale
from cxrneighbors.index.hits import SearchOptions, make_queries, patient_code, search_table
from cxrneighbors.index.policies.registry import find_policy
from cxrneighbors.index.predicates import Predicates
from cxrneighbors.index.queries import Queries, row_queries
from cxrneighbors.index.request import Request, check_k, hit_distances
from cxrneighbors.index.spaces import Space, build_graphs, make_spaces
from cxrneighbors.statistics.patients import patient_codes


class NeighborIndex:
    """Index over N images.

    `studies`: the study table, rows 0 .. N-1. `modalities`: those of 'image', 'report', 'fused' that can be
    searched. `vectors[m]`: float32 (N, D) and `has[m]`: bool (N,) for m in 'image', 'report'; a row without
    the modality holds zeros that are never used. `scale[m]`: σ². `weights`: those of the fused graph.
    `manifest`: what the embeddings' manifest says. `exact_rows`: with at most this many admitted rows a
    search is exact.
    """

    def __init__(
        self,
        studies: pd.DataFrame,
        vectors: dict[str, np.ndarray],
        has: dict[str, np.ndarray],
        scale: dict[str, float],
        weights: dict[str, float],
        spaces: dict[str, Space],
        manifest: dict[str, Any],
        backend: str = "exact",
        encoders: EncoderSource | None = None,
    ) -> None:
        self.studies = studies
        self.vectors, self.has, self.scale, self.weights = vectors, has, scale, weights
        self.spaces = spaces
        self.manifest = manifest
        self.backend = backend
        self.encoders = encoders or EncoderSource(manifest)
        self.exact_rows = EXACT_ROWS

    @classmethod
    def build(
        cls,
        embeddings: Any,
        studies: pd.DataFrame,
        weights: Mapping[str, float] | None = None,
        backend: str = "hnsw",
        **backend_options: Any,
    ) -> NeighborIndex:
        """Index `embeddings` (an `Embeddings`) of the rows of `studies`.

        `weights`: of image and report in the fused distance, 1 each by default. `backend`: 'hnsw' (options
        `M`, `ef_construction`, `ef`, `seed`), 'exact', or 'milvus' (options `uri`). Raises `UserError` for
        ids that the table does not hold, ids twice, vectors that are not finite, unknown weights or backend.
        """
        table = check_studies(studies)
        complete = check_weights(weights)
        vectors, has = align(embeddings, table)
        scale = {name: modality_scale(vectors[name][has[name]]) for name in vectors}
        spaces = make_spaces(has, table["view"].to_numpy(), scale, complete)
        build_graphs(spaces, vectors, backend, backend_options)
        source = EncoderSource(embeddings.manifest, embeddings=embeddings)
        return cls(table, vectors, has, scale, complete, spaces, embeddings.manifest, backend, source)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those of 'image', 'report', 'fused' that can be searched."""
        return tuple(name for name in MODALITIES if name in self.spaces)

    @property
    def has_graphs(self) -> bool:
        """Whether every partition has a graph (backend 'exact' has none)."""
        return all(part.graph is not None for space in self.spaces.values() for part in space.partitions)

    @cached_property
    def row_of(self) -> pd.Series:
        """Row number by image_id."""
        return pd.Series(np.arange(len(self.studies)), index=self.studies["image_id"])

    @cached_property
    def patients(self) -> np.ndarray:
        """Number of each row's patient: int64 (N,)."""
        return patient_codes(self.studies)

    @cached_property
    def centre(self) -> dict[str, np.ndarray]:
        """Mean vector per modality, float32 (D,): subtracting it keeps digits in products."""
        return {name: values[self.has[name]].mean(axis=0) for name, values in self.vectors.items()}

    @cached_property
    def _predicates(self) -> Predicates:
        nothing = np.zeros(len(self.studies), dtype=bool)
        flags = {f"has_{name}": self.has.get(name, nothing) for name in ("image", "report")}
        return Predicates(self.studies, flags)

    def rows_where(self, where: str | None) -> np.ndarray:
        """Rows that pass an expression (see `Predicates`): bool (N,); all for None."""
        if where is None:
            return np.ones(len(self.studies), dtype=bool)
        return self._predicates.evaluate(where)

    def search(
        self,
        image_ids: str | Sequence[str] | None = None,
        *,
        image: str | Path | np.ndarray | Sequence[str | Path] | None = None,
        text: str | Sequence[str] | None = None,
        k: int = 5,
        where: str | Sequence[str | None] | None = None,
        modality: str | None = None,
        policy: str = "nearest",
        include_same_patient: bool = False,
        weights: Mapping[str, float] | None = None,
        seed: int = 0,
        patient_id: str | None = None,
    ) -> pd.DataFrame:
        """The k neighbours of each query, as a table: K lines per query or a `UserError`, never fewer.

        Queries: indexed images by `image_ids`, or image files by `image`; `text` alone, or one text for each
        of those, searched together as fused. `where`: one expression for all queries or one for each.
        `modality`: fused where the query has both, else the one it has. `weights`: for this search, ranked
        exactly; a zero weight searches the other modality alone. `seed`: for policies that draw.
        `patient_id`: of a film or text from outside; 'dataset:patient_id' where data sets share a number.

        Columns: query_id (the image_id, the file, or 'text 1', 'text 2', …), rank (1 .. k), neighbor_id,
        distance (the one that ranks), image_distance and report_distance (‖a - b‖/σ; NaN where one of both
        has none).
        """
        queries, names = make_queries(self, image_ids, image, text)
        options = SearchOptions(k, where, modality, policy, include_same_patient, weights, seed)
        options = replace(options, patient=patient_code(self, patient_id))
        return search_table(self, queries, names, options)

    def neighbors(
        self,
        rows: np.ndarray,
        k: int,
        *,
        modality: str | None = None,
        allowed: np.ndarray | None = None,
        include_same_patient: bool = False,
        policy: str = "nearest",
        weights: Mapping[str, float] | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Neighbours of indexed `rows` int64 (Q,), for programs: rows int64 (Q, K), distances float32 (Q, K).

        -1 and NaN where fewer than k exist, and throughout for a query row that lacks the modality.
        `modality`: 'fused' if there is such a space, else the only one. `allowed`: bool (N,) or (Q, N).
        """
        rows = np.asarray(rows, dtype=np.int64)
        masks, which = masks_from_array(allowed, len(rows), len(self.studies))
        admit = admission(masks, which, self.patients, rows, include_same_patient)
        queries = row_queries(self.vectors, self.has, rows)
        request = self.request(queries, k, self.choose_modality(modality), weights, admit)
        found = np.full((len(rows), k), -1, dtype=np.int64)
        distances = np.full((len(rows), k), np.nan, dtype=np.float32)
        able = np.flatnonzero(np.logical_and.reduce([queries.has(name) for name in request.factors]))
        found[able], parts = self.find(request.take(able), policy, rng)
        distances[able] = parts["total"]
        return found, distances

    def distances(
        self, rows: np.ndarray, neighbor_rows: np.ndarray, modality: str | None = None
    ) -> dict[str, np.ndarray]:
        """Distances of `rows` int64 (Q,) to `neighbor_rows` int64 (Q, K): float32 (Q, K) each.

        'total' in `modality` (as in `neighbors`), 'image' and 'report'; NaN for -1 and where a row lacks it.
        """
        queries = row_queries(self.vectors, self.has, np.asarray(rows, dtype=np.int64))
        factors = distance_factors(self.choose_modality(modality), self.scale, self.weights)
        return hit_distances(self, queries, np.asarray(neighbor_rows, dtype=np.int64), factors)

    def choose_modality(self, modality: str | None) -> str:
        """The given modality if it can be searched; None: 'fused' where there is one, else the first."""
        if modality is None:
            return "fused" if "fused" in self.spaces else self.modalities[0]
        choose("modality", modality, MODALITIES)
        if modality not in self.spaces:
            raise UserError(
                f"modality {modality!r}: this index has {', '.join(self.modalities)}; choose one of these, "
                "or encode and index both"
            )
        return modality

    def request(
        self,
        queries: Queries,
        k: int,
        modality: str,
        weights: Mapping[str, float] | None,
        admit: Any,
    ) -> Request:
        """Put a request together; with a zero weight it becomes one in the other modality alone."""
        check_k(k)
        chosen = self.weights if weights is None else check_weights(weights)
        if weights is not None and modality != "fused":
            raise UserError(
                f"weights: they belong to a fused search, this one is by {modality}; leave them out"
            )
        if modality == "fused" and min(chosen.values()) == 0:
            modality = max(chosen, key=lambda name: chosen[name])
        return Request(self, queries, int(k), modality, chosen, admit)

    def find(
        self, request: Request, policy: str = "nearest", rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Answer a request: rows int64 (Q, K) by rising distance, -1 where none, and their distances."""
        rows = find_policy(policy)(request, rng or np.random.default_rng(0))
        distances = hit_distances(self, request.queries, rows, request.factors)
        # NaN (no hit) sorts last; equal distances keep row order.
        order = np.lexsort((rows, distances["total"]), axis=1)
        ordered = {name: np.take_along_axis(values, order, axis=1) for name, values in distances.items()}
        return np.take_along_axis(rows, order, axis=1), ordered

    def save(self, folder: str | Path) -> None:
        """Write the index folder in one step; see `storage`."""
        storage.save_index(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> NeighborIndex:
        """Read an index folder; a missing, changed or foreign file raises a `UserError` that names it."""
        return cls(**storage.load_index(Path(folder)))
