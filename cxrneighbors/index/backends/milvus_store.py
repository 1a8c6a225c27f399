"""What is done with Milvus by its client: connect, fill a collection, search it, copy an embedded store."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cxrneighbors.errors import UserError
from cxrneighbors.index.backends.milvus_fields import Field
from cxrneighbors.progress import track

METRIC = "L2"
# How many vectors travel in one call.
BATCH = 1000


def connect(uri: str) -> Any:
    """A client of the Milvus at `uri`, or of the embedded store in that file; a `UserError` without one."""
    try:
        from pymilvus import MilvusClient
        from pymilvus.exceptions import MilvusException
    except ImportError:
        raise UserError(
            "backend milvus: pymilvus is not installed; run pip install cxrneighbors[milvus]"
        ) from None
    try:
        return MilvusClient(uri=uri, token=os.environ.get("MILVUS_TOKEN", ""))
    except (MilvusException, OSError, ValueError) as error:
        raise UserError(
            f"milvus {uri}: cannot be opened ({_reason(error)}); check the address or leave uri out"
        ) from None


def create_collection(
    client: Any, name: str, vectors: np.ndarray, fields: Mapping[str, Field], embedded: bool
) -> None:
    """A collection of float32 (n, D), each with its position and its values of `fields`; one there goes."""
    from pymilvus import DataType

    if client.has_collection(name):
        client.drop_collection(name)
    schema = client.create_schema(auto_id=False)
    schema.add_field("position", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=vectors.shape[1])
    for field, (kind, _, options) in fields.items():
        typed = {key: DataType[v] if key == "element_type" else v for key, v in options.items()}
        schema.add_field(field, DataType[kind], **typed)
    graph = client.prepare_index_params()
    graph.add_index("vector", index_type="FLAT" if embedded else "AUTOINDEX", metric_type=METRIC)
    client.create_collection(name, schema=schema, index_params=graph, consistency_level="Strong")
    for start in track(range(0, len(vectors), BATCH), "sending vectors to Milvus"):
        part = vectors[start : start + BATCH].astype(np.float32, copy=False)
        rows = [{"position": start + i, "vector": vector} for i, vector in enumerate(part)]
        for field, (_, values, _) in fields.items():
            for row, value in zip(rows, values[start : start + BATCH], strict=True):
                row[field] = value
        client.insert(name, rows)
    client.flush(name)
    client.load_collection(name)


def search(client: Any, name: str, vectors: np.ndarray, m: int, expression: str) -> list[Any]:
    """Of float32 (Q, D) the m nearest each that pass an expression ('': all): Q lists with `position`."""
    from pymilvus.exceptions import MilvusException

    try:
        return client.search(  # type: ignore[no-any-return]
            name,
            data=list(vectors),
            filter=expression,
            limit=m,
            output_fields=["position"],
            search_params={"metric_type": METRIC},
        )
    except MilvusException as error:
        raise UserError(
            f"milvus: collection {name} cannot be searched ({_reason(error)}); "
            "see that Milvus runs, or build the index again"
        ) from None


def copy_store(source: Path, target: Path) -> None:
    """Copy an embedded store: one file in some versions of Milvus Lite and a folder in others."""
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)


def close(client: Any, folder: Path | None) -> None:
    """Close the client, and remove the temporary folder of its store, if it has one."""
    client.close()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
