"""Milvus backend (extra `milvus`): collections in an embedded Milvus Lite store, or in a cluster by its URI.

Without `uri` each partition is a Milvus Lite store of its own, kept in the index folder and copied to a
temporary folder while it is open, because opening one changes its files. With `uri` (a cluster,
`http://host:19530`) the collections live there, and the index folder keeps their names. A token, where the
cluster needs one, comes from the environment variable MILVUS_TOKEN and is never written down.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cxrneighbors.errors import UserError
from cxrneighbors.files import write_json_atomic
from cxrneighbors.progress import track

METRIC = "L2"
# Largest answer that Milvus gives, and how many vectors travel in one call.
MAX_FETCH = 16_384
BATCH = 1000
# What a fetch is reckoned to cost, in hnswlib's ef; see `vector_store.ROWS_PER_EFFORT`.
EFFORT = 64
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
    def build(cls, vectors: np.ndarray, uri: str | None = None) -> MilvusGraph:
        """Insert float32 (n, D), n > 0, into a store of its own, or into the Milvus at `uri`."""
        digest = hashlib.sha256(np.ascontiguousarray(vectors).tobytes()).hexdigest()
        settings: dict[str, Any] = {"space": METRIC, "dim": int(vectors.shape[1]), "count": len(vectors)}
        settings |= {"uri": uri, "collection": f"cxrneighbors_{digest[:24]}", "vectors_sha256": digest}
        graph = cls(uri, settings) if uri is not None else cls._embedded(settings)
        graph._insert(vectors)
        return graph

    @classmethod
    def load(cls, path: Path, vectors: np.ndarray, settings: dict[str, Any]) -> MilvusGraph:
        """Open the store at `path`, or the collection that it names; other vectors raise a `UserError`."""
        digest = hashlib.sha256(np.ascontiguousarray(vectors).tobytes()).hexdigest()
        if settings["space"] != METRIC or settings["vectors_sha256"] != digest:
            raise UserError(f"{path}: collection does not hold the vectors beside it; build the index again")
        if settings["uri"] is None:
            graph = cls._embedded(settings)
            _copy(path, Path(graph._uri))
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
        return MilvusGraph.build(vectors, self._settings["uri"])

    def query(self, vectors: np.ndarray, m: int) -> np.ndarray:
        """As `Graph.query`."""
        m = min(m, self._settings["count"], MAX_FETCH)
        positions = np.full((len(vectors), m), -1, dtype=np.int64)
        with self._lock:
            for start in range(0, len(vectors), BATCH):
                found = self._open().search(
                    self._settings["collection"],
                    data=list(vectors[start : start + BATCH]),
                    limit=m,
                    output_fields=["position"],
                    search_params={"metric_type": METRIC},
                )
                for row, hits in enumerate(found, start=start):
                    positions[row, : len(hits)] = [hit["position"] for hit in hits]
        return positions

    def effort(self, m: np.ndarray) -> np.ndarray:
        """As `Graph.effort`; beyond Milvus' largest answer the exact search is left."""
        return np.where(m > MAX_FETCH, np.iinfo(np.int32).max, np.maximum(m, EFFORT))

    def settings(self) -> dict[str, Any]:
        """space, dim, count, uri (None: embedded), collection, and the hash of the vectors."""
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
            _copy(Path(self._uri), path)

    def _open(self) -> Any:
        if self._client is None:
            try:
                from pymilvus import MilvusClient
            except ImportError:
                raise UserError(
                    "backend milvus: pymilvus is not installed; run pip install cxrneighbors[milvus]"
                ) from None
            self._client = _connect(MilvusClient, self._uri)
            if self._client.has_collection(self._settings["collection"]):
                self._client.load_collection(self._settings["collection"])
            weakref.finalize(self, _close, self._client, self._folder)
        return self._client

    def _insert(self, vectors: np.ndarray) -> None:
        client, name = self._open(), self._settings["collection"]
        from pymilvus import DataType

        if client.has_collection(name):
            client.drop_collection(name)
        schema = client.create_schema(auto_id=False)
        schema.add_field("position", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self._settings["dim"])
        graph = client.prepare_index_params()
        kind = "AUTOINDEX" if self._folder is None else "FLAT"
        graph.add_index("vector", index_type=kind, metric_type=METRIC)
        client.create_collection(name, schema=schema, index_params=graph, consistency_level="Strong")
        for start in track(range(0, len(vectors), BATCH), "sending vectors to Milvus"):
            part = vectors[start : start + BATCH].astype(np.float32, copy=False)
            client.insert(name, [{"position": start + i, "vector": vector} for i, vector in enumerate(part)])
        client.flush(name)
        client.load_collection(name)

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


def _connect(client: Any, uri: str) -> Any:
    from pymilvus.exceptions import MilvusException

    try:
        return client(uri=uri, token=os.environ.get("MILVUS_TOKEN", ""))
    except (MilvusException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"milvus {uri}: cannot be opened ({reason}); check the address or leave uri out"
        ) from None


def _copy(source: Path, target: Path) -> None:
    """A store is one file in some versions of Milvus Lite and a folder in others."""
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)


def _close(client: Any, folder: Path | None) -> None:
    client.close()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
