"""One Parquet file per shard of embeddings: ids, float32 vectors, and what could not be encoded."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cxrneighbors.errors import UserError
from cxrneighbors.files import atomic_path

SKIPPED_KEY = b"cxrneighbors.skipped"


@dataclass(frozen=True)
class Shard:
    """Vectors of consecutive rows of one modality.

    `ids`: n image ids; `vectors`: float32 (n, D); `skipped`: (image_id, reason) of rows left out.
    """

    ids: list[str]
    vectors: np.ndarray
    skipped: list[tuple[str, str]] = field(default_factory=list)


def shard_path(folder: str | Path, modality: str, number: int) -> Path:
    """Where shard `number` of `modality` lies."""
    return Path(folder) / modality / f"part-{number:05d}.parquet"


def write_shard(path: str | Path, parts: list[Shard]) -> None:
    """Write the rows of `parts` in one step; what was skipped travels along, a resumed run needs it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    whole = _joined(parts)
    column = pa.FixedSizeListArray.from_arrays(pa.array(whole.vectors.ravel()), whole.vectors.shape[1])
    table = pa.table({"image_id": pa.array(whole.ids, pa.string()), "vector": column})
    table = table.replace_schema_metadata({SKIPPED_KEY: json.dumps(whole.skipped).encode()})
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary)


def rows_in_shard(path: str | Path) -> int:
    """How many rows of its table a shard stands for, those left out counted; 0 where there is no file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not Path(path).exists():
        return 0
    try:
        head = pq.read_metadata(path)
        return int(head.num_rows) + len(json.loads((head.metadata or {})[SKIPPED_KEY]))
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        line = str(error).splitlines()[0]
        raise UserError(f"{path}: damaged shard ({line}); delete it and run encode again") from None


def read_shards(folder: str | Path, modality: str, count: int) -> Shard:
    """The first `count` shards of a modality as one."""
    return _joined([read_shard(shard_path(folder, modality, number)) for number in range(count)])


def read_shard(path: str | Path) -> Shard:
    """Read what `write_shard` wrote; a damaged file raises a UserError naming it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        column = table.column("vector").combine_chunks()
        skipped = json.loads((table.schema.metadata or {})[SKIPPED_KEY])
        vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), column.type.list_size)
    except (OSError, KeyError, AttributeError, ValueError, pa.ArrowException) as error:
        line = str(error).splitlines()[0]
        raise UserError(f"{path}: damaged shard ({line}); delete it and run encode again") from None
    return Shard(table.column("image_id").to_pylist(), np.array(vectors), [(a, b) for a, b in skipped])


def _joined(parts: list[Shard]) -> Shard:
    return Shard(
        [name for part in parts for name in part.ids],
        np.concatenate([part.vectors for part in parts]).astype(np.float32, copy=False),
        [row for part in parts for row in part.skipped],
    )
