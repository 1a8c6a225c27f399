"""Milvus backend (extra `milvus`): collections in an embedded Milvus Lite store, or in a cluster by its URI.

Without `uri` each partition is a Milvus Lite store of its own, kept in the index folder and copied to a
temporary folder while it is open, because opening one changes its files. With `uri` (a cluster,
`http://host:19530`) the collections live there, and the index folder keeps their names. A token, where the
cluster needs one, comes from the environment variable MILVUS_TOKEN and is never written down.

Beside the vectors a collection keeps what `where` and the exclusion of a patient ask of its rows
(`milvus_fields`), so that Milvus filters where it searches.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cxrneighbors.errors import UserError
from cxrneighbors.files import write_json_atomic
from cxrneighbors.index.backends.milvus_fields import scalar_fields
from cxrneighbors.index.backends.milvus_filter import translate
from cxrneighbors.index.backends.milvus_store import (
    BATCH,
    METRIC,
    close,
    connect,
    copy_store,
    create_collection,
    search,
)
from cxrneighbors.index.backends.registry import Attributes
from cxrneighbors.index.predicate_columns import Column

# Largest answer that Milvus gives.
MAX_FETCH = 16_384
# What a fetch is reckoned to cost, in hnswlib's ef; see `vector_store.ROWS_PER_EFFORT`.
EFFORT = 64
# A filter is one for all queries of a call, so that leaving out each one's patient takes a call a patient. Of
# more patients none is left out, and what is found of them is dropped where the answer arrives.
MAX_LEFT_OUT = 32
_STORE = "store.db"


class MilvusGraph:
    """A collection of float32 vectors (n, D) whose key is the position; see `build`."""

    suffixes: ClassVar[tuple[str, ...]] = (
        ".milvus",
        ".milvus.json",
    )  # a store, or the name of a collection elsewhere

    def __init__(self, uri: str, settings: dict[str, Any], folder: Path | None = None) -> None:
        self._settings = settings
        self._folder = folder
        self._uri = uri
        self._client: Any = None
        self._lock = threading.Lock()
        self.suffix = self.suffixes[settings["uri"] is not None]

    def __getstate__(self) -> dict[str, Any]:
        """For another process, which connects by itself: an embedded store is one process's."""
        if self._folder is not None:
            raise UserError(
                "backend milvus: an embedded store is for one process; build the index on a cluster by its "
                "URI, or with backend hnsw"
            )
        return {**vars(self), "_client": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.Lock())

    @classmethod
    def build(
        cls, vectors: np.ndarray, attributes: Attributes | None = None, uri: str | None = None
    ) -> MilvusGraph:
        """Insert float32 (n, D), n > 0, into a store of its own, or into the Milvus at `uri`."""
        fields = {} if attributes is None else scalar_fields(attributes)
        hashed = hashlib.sha256(np.ascontiguousarray(vectors).tobytes())
        digest = hashed.hexdigest()
        hashed.update(json.dumps(fields).encode("utf-8"))
        settings: dict[str, Any] = {"space": METRIC, "dim": int(vectors.shape[1]), "count": len(vectors)}
        settings |= {"uri": uri, "collection": f"cxrneighbors_{hashed.hexdigest()[:24]}"}
        settings |= {"vectors_sha256": digest, "fields": list(fields)}
        graph = cls(uri, settings) if uri is not None else cls._embedded(settings)
        create_collection(graph._open(), settings["collection"], vectors, fields, embedded=uri is None)
        return graph

    @classmethod
    def load(cls, path: Path, vectors: np.ndarray, settings: dict[str, Any]) -> MilvusGraph:
        """Open the store at `path`, or the collection that it names; other vectors raise a `UserError`."""
        digest = hashlib.sha256(np.ascontiguousarray(vectors).tobytes()).hexdigest()
        if settings["space"] != METRIC or settings["vectors_sha256"] != digest:
            raise UserError(f"{path}: collection does not hold the vectors beside it; build the index again")
        if settings["uri"] is None:
            graph = cls._embedded(settings)
            copy_store(path, Path(graph._uri))
        else:
            named = json.loads(path.read_text(encoding="utf-8"))
            graph = cls(named["uri"], settings | {"collection": named["collection"]})
        graph._check_count(path)
        return graph

    @classmethod
    def _embedded(cls, settings: dict[str, Any]) -> MilvusGraph:
        folder = Path(tempfile.mkdtemp(prefix="milvus-"))
        return cls(str(folder / _STORE), settings, folder)

    def extended(self, vectors: np.ndarray) -> MilvusGraph:
        """As `Graph.extended`: a collection of its own, for one is named by the vectors that it holds."""
        return MilvusGraph.build(vectors, uri=self._settings["uri"])

    def expression(self, where: str, column: Callable[[str], Column]) -> str | None:
        """As `FilteringGraph.expression`."""
        return translate(where, self._fields, column)

    def query(self, vectors: np.ndarray, m: int) -> np.ndarray:
        """As `Graph.query`."""
        return self.query_where(vectors, m, None, "row", np.full(len(vectors), -1))

    def query_where(
        self, vectors: np.ndarray, m: int, expression: str | None, key: str, left_out: np.ndarray
    ) -> np.ndarray:
        """As `FilteringGraph.query_where`."""
        m = min(m, self._settings["count"], MAX_FETCH)
        positions = np.full((len(vectors), m), -1, dtype=np.int64)
        with self._lock:
            for which, filter_ in self._calls(expression, key, left_out):
                found = search(self._open(), self._settings["collection"], vectors[which], m, filter_)
                for row, hits in zip(which, found, strict=True):
                    positions[row, : len(hits)] = [hit["position"] for hit in hits]
        return positions

    def _calls(
        self, expression: str | None, key: str, left_out: np.ndarray
    ) -> Iterator[tuple[np.ndarray, str]]:
        """Positions of the queries of each call, at most `BATCH`, and their filter."""
        groups = np.unique(left_out) if key in self._fields else np.empty(0)
        if len(groups) > MAX_LEFT_OUT or not len(groups):
            groups, left_out = np.array([-1]), np.full(len(left_out), -1)
        for group in groups:
            parts = [part for part in (expression, f"{key} != {group}" if group >= 0 else None) if part]
            which = np.flatnonzero(left_out == group)
            for start in range(0, len(which), BATCH):
                yield which[start : start + BATCH], " and ".join(parts)

    @property
    def _fields(self) -> list[str]:
        """Scalar fields of the collection; none in one of an index that was built before there were any."""
        return list(self._settings.get("fields", []))

    def effort(self, m: np.ndarray) -> np.ndarray:
        """As `Graph.effort`; beyond Milvus' largest answer the exact search is left."""
        return np.where(m > MAX_FETCH, np.iinfo(np.int32).max, np.maximum(m, EFFORT))

    def settings(self) -> dict[str, Any]:
        """space, dim, count, uri (None: embedded), collection, its scalar fields, hash of the vectors."""
        return dict(self._settings)

    def save(self, path: Path) -> None:
        """Copy the embedded store to `path`; of a cluster, write where the collection is."""
        if self._folder is None:
            write_json_atomic(path, {"uri": self._uri, "collection": self._settings["collection"]})
            return
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None
            copy_store(Path(self._uri), path)

    def _open(self) -> Any:
        if self._client is None:
            self._client = connect(self._uri)
            if self._client.has_collection(self._settings["collection"]):
                self._client.load_collection(self._settings["collection"])
            weakref.finalize(self, close, self._client, self._folder)
        return self._client

    def _check_count(self, path: Path) -> None:
        client, name = self._open(), self._settings["collection"]
        if not client.has_collection(name):
            raise UserError(f"{path}: there is no collection {name} at {self._uri}; build the index again")
        count = int(client.get_collection_stats(name)["row_count"])
        if count != self._settings["count"]:
            raise UserError(
                f"{path}: collection {name} holds {count} vectors, not {self._settings['count']}; "
                "build the index again"
            )
