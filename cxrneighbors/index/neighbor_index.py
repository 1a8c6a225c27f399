"""The fused index: which rows lie nearest to an image, a report, or both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxrneighbors.arguments import one_of_type, seed_of, whole
from cxrneighbors.encoders.shared_space import SHARED_SPACE
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.index.additions import extended
from cxrneighbors.index.encoder_source import EncoderSource
from cxrneighbors.index.filters import array_filters
from cxrneighbors.index.fusion import CROSS_MODALITIES, VECTOR_MODALITIES
from cxrneighbors.index.hits import SearchHits, origin_of
from cxrneighbors.index.identical import warn_of_identical_films
from cxrneighbors.index.queries import across, indexed_queries, read_queries
from cxrneighbors.index.query_encoding import Film
from cxrneighbors.index.request import ranking_factors
from cxrneighbors.index.search import SearchOptions, find, search_table
from cxrneighbors.index.storage import Source, load_index, save_index
from cxrneighbors.index.vector_store import VectorStore
from cxrneighbors.index.weight_choice import choose_weights, describe
from cxrneighbors.notebook import card, facts, table
from cxrneighbors.progress import say
from cxrneighbors.statistics.patients import count_patients


class NeighborIndex:
    """Index over N images.

    `studies`: the study table, rows 0 .. N-1. `modalities`: those of 'image', 'report', 'fused' that can be
    searched. `vectors`, `has`, `scale`, `weights`, `backend`: see `VectorStore`. `encoders`: those that made
    the vectors. `manifest`: what the embeddings' manifest says. `source`: the folder where it lies as it is,
    or None.
    """

    def __init__(self, store: VectorStore, encoders: EncoderSource, source: Source | None = None) -> None:
        self.encoders, self.source = encoders, source
        self._use(store)

    def _use(self, store: VectorStore) -> None:
        self.store, self.manifest = store, self.encoders.manifest
        self.studies, self.modalities = store.studies, store.modalities
        self.vectors, self.has, self.scale = store.vectors, store.has, store.scale
        self.weights, self.backend = store.weights, store.backend

    def __repr__(self) -> str:
        """Short: counts, what it can be searched by, the encoders."""
        counts = f"{len(self.studies):,} images of {count_patients(self.studies):,} patients"
        made = [f"{name} ({entry['encoder']})" for name, entry in self._encoded().items()]
        return f"<NeighborIndex: {counts}; {', '.join(made)}; {self.backend}>"

    def _repr_html_(self) -> str:
        studies, choice = self.studies, self.store.weight_choice
        has = (int(self.has[name].sum()) for name in self._encoded())
        rows = [
            [name, entry["encoder"], f"{n:,}", f"{self.vectors[name].shape[1]:,}"]
            for (name, entry), n in zip(self._encoded().items(), has, strict=True)
        ]
        weights = ", ".join(f"{name} {weight:g}" for name, weight in self.weights.items())
        about = {
            "images": f"{len(studies):,} of {count_patients(studies):,} patients",
            "data sets": ", ".join(sorted(studies["dataset"].dropna().unique())),
            "views": ", ".join(f"{name} {n:,}" for name, n in studies["view"].value_counts().items()),
            "findings": f"{studies['findings'].str.len().gt(0).sum():,} images labelled",
            "search by": ", ".join(self.modalities),
            "weights": weights + (" (chosen)" if choice else "") if "fused" in self.modalities else "",
            "backend": self.backend,
        }
        parts = facts(about), table(("modality", "encoder", "images", "dimensions"), rows)
        return card("NeighborIndex", *parts)

    def _encoded(self) -> dict[str, dict[str, Any]]:
        """What the manifest says of each modality that has vectors."""
        return {name: self.manifest["modalities"][name] for name in self.vectors}

    @classmethod
    def build(
        cls,
        embeddings: Embeddings,
        studies: pd.DataFrame,
        weights: Mapping[str, float] | Literal["auto"] | None = None,
        backend: str = "hnsw",
        fusion: str = "distance",
        **backend_options: Any,
    ) -> NeighborIndex:
        """Index `embeddings` of the rows of `studies`.

        `weights`: of image and report in the fused distance, 1 each by default; 'auto' chooses them by the
        overlap on patients outside split 'test' (see `weight_choice`). `backend`: 'hnsw' (options `M`,
        `ef_construction`, `ef`, `seed`), 'exact', or 'milvus' (options `uri`). `fusion`: whether a fused
        search ranks by 'distance' or by 'ranks' (`policies.rank_fusion`). Raises `UserError` for ids that the
        table does not hold, ids twice, vectors that are not finite, unknown weights, backend or fusion.
        """
        one_of_type("embeddings", embeddings, Embeddings, "give what encode(...) or Embeddings.load return")
        given = None if weights == "auto" else weights
        store = VectorStore.build(embeddings, studies, given, backend, backend_options, fusion)
        if weights == "auto":
            choice = choose_weights(store)
            say(describe(choice))
            store = replace(store, weights=choice["weights"], weight_choice=choice)
        store.build_graphs(backend_options)
        warn_of_identical_films(store)
        return cls(store, EncoderSource(embeddings.manifest, embeddings))

    @classmethod
    def load(cls, folder: str | Path, fetch: bool = False, device: str = "cpu") -> NeighborIndex:
        """Read an index folder; a missing, changed or foreign file raises a `UserError` that names it.

        `fetch`: whether an encoder that the folder only names may be fetched from the hub. `device`: see
        `to`.
        """
        return cls(*load_index(Path(folder), fetch), Source.of(Path(folder))).to(device)

    def to(self, device: str) -> NeighborIndex:
        """Keep the vectors on `device` too and compute exact distances there; return self.

        On 'cuda' batches of queries are searched exactly, by matrix products, and so is all without a graph,
        while single queries still ask the graph; 'cpu', at first, is the compiled search; 'auto' is 'cuda'
        where there is one. Exact hits are the same on each. Raises `UserError` for a device that is not there
        or that has no memory for the vectors.
        """
        self.store.to(device)
        return self

    def save(self, folder: str | Path) -> None:
        """Write the index folder in one step; see `storage`."""
        save_index(self.store, self.encoders, Path(folder))
        self.source = Source.of(Path(folder))

    def add(self, embeddings: Embeddings, studies: pd.DataFrame) -> int:
        """Add the rows of `studies` that the index lacks, with their `embeddings`: how many those were.

        New vectors enter the graphs that are there; nothing is built again. σ², mean vectors and weights stay
        those of the films that the index was built from. Films that it holds already, in the table or in the
        embeddings, are passed over. In memory: `save` it afterwards.

        Raises `UserError`, the index being as before, for vectors of another encoder or of a modality that
        the index lacks, for an image_id that it holds with another patient, view or vector, and where nothing
        is new.
        """
        before, held = len(self.studies), self.store.on_device
        store, self.encoders.manifest = extended(self.store, self.encoders, embeddings, studies)
        self._use(store)
        self.to("cpu" if held is None else held.device)
        self.source = None
        warn_of_identical_films(store, since=before)
        return len(self.studies) - before

    def weight_curve(self) -> pd.DataFrame:
        """How the weights were chosen: for each ratio the weights `image` and `report`, the `lift` (a share),
        its `difference` from the best and the `standard_error` of that. A `UserError` unless they were.
        """
        if self.store.weight_choice is None:
            raise UserError("weights: they were given, not chosen; build the index with weights auto")
        return pd.DataFrame(self.store.weight_choice["curve"])

    def rows_where(self, where: str | None, name: str = "where") -> np.ndarray:
        """Rows that pass an expression (see `Predicates`): bool (N,); all for None. Errors call it `name`."""
        try:
            return self.store.rows_where(where)
        except UserError as error:
            raise UserError(str(error).replace("where:", f"{name}:", 1)) from None

    def search(
        self,
        image_ids: str | Sequence[str] | None = None,
        *,
        image: Film | Sequence[Film] | None = None,
        text: str | Sequence[str | None] | None = None,
        patient_id: str | Sequence[str] | None = None,
        k: int = 5,
        where: str | Sequence[str | None] | None = None,
        modality: str | None = None,
        policy: str = "nearest",
        include_same_patient: bool = False,
        one_per: str = "image",
        weights: Mapping[str, float] | None = None,
        fusion: str | None = None,
        seed: int = 0,
    ) -> SearchHits:
        """The k neighbours of each query, as a table: K lines per query or a `UserError`, never fewer.

        It is a DataFrame; its `show()` shows targets beside their neighbours.

        Queries: indexed images by `image_ids`, or films by `image`: files, arrays (H, W) or (1, H, W) in
        [0, 1], PIL images; `text` alone, or one text for each of those, searched together as fused.

        `patient_id`: whose films and texts these are, 'id' or 'dataset:id', one for all or one each; that
        patient's images are left out, as those of an indexed image's patient are, unless
        `include_same_patient`. A film that the index holds is known by its pixels.

        `where`: one expression for all queries or one for each. `modality`: fused where the query has both,
        else the one it has (an empty text beside a film is none); 'image-to-report' and 'report-to-image' in
        a shared space. `one_per`: 'study' or 'patient' for at most one image of each, the nearest one,
        so that k studies or patients are found; 'image' counts each image. `weights`: for this search, ranked
        exactly; a zero weight searches the other modality alone. `fusion`: 'distance' or 'ranks' for this
        search, the index's own by default. `seed`: for policies that draw. A fused search ranks an image that
        lacks one of both as if it were at the query's mean squared distance there.

        Columns: query_id (the image_id, the file, or 'image 1', 'text 1', …), rank (1 .. k), neighbor_id,
        distance (the one that ranks), image_distance and report_distance (‖a - b‖/σ; NaN where one of both
        has none), and of the film found patient_id, view, findings (a list of names) and path (None where
        there is no file).
        """
        options = SearchOptions(whole("k", k), policy, include_same_patient, weights, one_per, fusion)
        queries = read_queries(self.store, self.encoders, image_ids, image, text, patient_id)
        if isinstance(modality, str) and modality in CROSS_MODALITIES:
            if SHARED_SPACE not in self.manifest:
                raise UserError(
                    f"modality {modality}: films and reports share no space; index --shared-space"
                )
            queries, modality = across(queries, modality)
        hits = search_table(
            self.store, queries, modality, where, options, np.random.default_rng(seed_of(seed))
        )
        return SearchHits.of(hits, origin_of(self.studies, queries, image, text))

    def neighbors(
        self,
        rows: np.ndarray,
        k: int,
        *,
        modality: str | None = None,
        allowed: np.ndarray | None = None,
        include_same_patient: bool = False,
        one_per: str = "image",
        policy: str = "nearest",
        weights: Mapping[str, float] | None = None,
        fusion: str | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Neighbours of indexed `rows` int64 (Q,), for programs: rows int64 (Q, K), distances float32 (Q, K).

        -1 and NaN where fewer than k exist, and throughout for a query row that lacks the modality.
        `modality`: 'fused' if there is such a space, else the only one. `allowed`: bool (N,) or (Q, N).
        `one_per`: see `search`.
        """
        options = SearchOptions(k, policy, include_same_patient, weights, one_per, fusion)
        queries = indexed_queries(self.store, np.asarray(rows, dtype=np.int64))
        filters = array_filters(allowed, len(queries.rows), len(self.studies))
        modality = self.store.choose_modality(modality)
        _, factors = ranking_factors(self.store, modality, weights)
        able = np.flatnonzero(np.logical_and.reduce([queries.has(name) for name in factors]))
        modalities = np.full(len(able), modality)
        generator = rng or np.random.default_rng(0)
        asked = filters._replace(which=filters.which[able])
        hits = find(self.store, queries.take(able), modalities, asked, options, generator)
        found = np.full((len(queries.rows), k), -1, dtype=np.int64)
        distances = np.full((len(queries.rows), k), np.nan, dtype=np.float32)
        found[able], distances[able] = hits
        return found, distances

    def distances(
        self, rows: np.ndarray, neighbor_rows: np.ndarray, modality: str | None = None
    ) -> dict[str, np.ndarray]:
        """Distances of `rows` int64 (Q,) to `neighbor_rows` int64 (Q, K): float32 (Q, K) each.

        'total' in `modality` (as in `neighbors`), 'image' and 'report'; NaN for -1 and where a row lacks it.
        The fused total counts a part that the neighbour lacks with its expected distance.
        """
        store, found = self.store, np.asarray(neighbor_rows, dtype=np.int64)
        vectors = store.row_vectors(np.asarray(rows, dtype=np.int64))
        factors = {name: {name: 1.0 / store.scale.get(name, 1.0)} for name in VECTOR_MODALITIES}
        factors["total"] = ranking_factors(store, store.choose_modality(modality), None)[1]
        return {name: store.distances(vectors, found, parts) for name, parts in factors.items()}
