"""The index folder, written and replaced as a whole, and checked file by file when it is read.

IDX/index.json             weights, scales, counts, each graph's space and ef, SHA-256 of every file
IDX/studies.parquet        the study table
IDX/vectors/image.npy      float32 (n, D) of the rows that have the modality; image.rows.npy: those rows
IDX/graphs/fused-PA.bin    one graph per modality and view (none with backend 'exact')
IDX/encoders/image/        the encoders, copied from the embeddings
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cxrneighbors.data.tables import read_table, write_table
from cxrneighbors.errors import UserError
from cxrneighbors.files import atomic_dir, read_json, sha256_file, write_json_atomic
from cxrneighbors.index.backends.registry import BACKENDS, load_graph
from cxrneighbors.index.encoder_source import EncoderSource
from cxrneighbors.index.fusion import check_weights
from cxrneighbors.index.spaces import Space, make_spaces, partition_vectors

if TYPE_CHECKING:
    from cxrneighbors.index.neighbor_index import NeighborIndex

FORMAT = 1
INDEX = "index.json"
_REMEDY = "build the index again"
_KEYS = (
    "format",
    "backend",
    "weights",
    "scale",
    "modalities",
    "dim",
    "count",
    "partitions",
    "files",
    "manifest",
)


def save_index(index: NeighborIndex, folder: Path) -> None:
    """Write the whole folder in one step; an older index there is replaced, another folder is refused."""
    if folder.exists() and any(folder.iterdir()) and not (folder / INDEX).is_file():
        raise UserError(f"{folder}: holds other files, not an index; give a new folder")
    with atomic_dir(folder) as temporary:
        write_table(index.studies, temporary / "studies.parquet")
        _save_vectors(index, temporary / "vectors")
        partitions = _save_graphs(index, temporary / "graphs")
        index.encoders.save(temporary / "encoders")
        content = {
            "format": FORMAT,
            "backend": index.backend,
            "weights": index.weights,
            "scale": index.scale,
            "modalities": list(index.modalities),
            "dim": {name: values.shape[1] for name, values in index.vectors.items()},
            "count": {"rows": len(index.studies)} | {name: int(has.sum()) for name, has in index.has.items()},
            "partitions": partitions,
            "files": _describe_files(temporary),
            "manifest": index.manifest,
        }
        write_json_atomic(temporary / INDEX, content)
    # The encoders are in the folder now; an index saved over the one that it was read from stays whole.
    index.encoders.moved_to(folder / "encoders")


def load_index(folder: Path) -> dict[str, Any]:
    """Constructor arguments of the `NeighborIndex` in `folder`.

    Raises `UserError` naming the file: missing, changed since it was written, of another format, or a graph
    whose space, dimension or content does not fit the vectors.
    """
    content = _read_content(folder)
    _check_files(folder, content["files"])
    studies = read_table(folder / "studies.parquet")
    vectors: dict[str, np.ndarray] = {}
    has: dict[str, np.ndarray] = {}
    for name, dim in content["dim"].items():
        vectors[name], has[name] = _load_vectors(folder / "vectors", name, len(studies), dim)
    weights = check_weights(content["weights"])
    spaces = make_spaces(has, studies["view"].to_numpy(), content["scale"], weights)
    if list(spaces) != content["modalities"]:
        raise UserError(
            f"{folder / INDEX}: modalities {content['modalities']} do not fit the vectors; {_REMEDY}"
        )
    _load_graphs(folder, content, spaces, vectors)
    return {
        "studies": studies,
        "vectors": vectors,
        "has": has,
        "scale": content["scale"],
        "weights": weights,
        "spaces": spaces,
        "manifest": content["manifest"],
        "backend": content["backend"],
        "encoders": EncoderSource(content["manifest"], folder=folder / "encoders"),
    }


def _save_vectors(index: NeighborIndex, folder: Path) -> None:
    folder.mkdir()
    for name, values in index.vectors.items():
        rows = np.flatnonzero(index.has[name]).astype(np.int64)
        np.save(folder / f"{name}.rows.npy", rows, allow_pickle=False)
        np.save(folder / f"{name}.npy", values[rows], allow_pickle=False)


def _load_vectors(folder: Path, name: str, n_rows: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.load(folder / f"{name}.rows.npy", allow_pickle=False)
    values = np.load(folder / f"{name}.npy", allow_pickle=False)
    if values.shape != (len(rows), dim) or values.dtype != np.float32:
        raise UserError(
            f"{folder / name}.npy: {values.dtype} {values.shape}, not float32 {(len(rows), dim)}; {_REMEDY}"
        )
    if len(rows) and not 0 <= rows.min() <= rows.max() < n_rows:
        raise UserError(f"{folder / name}.rows.npy: rows that the study table does not have; {_REMEDY}")
    vectors, has = np.zeros((n_rows, dim), dtype=np.float32), np.zeros(n_rows, dtype=bool)
    vectors[rows], has[rows] = values, True
    return vectors, has


def _save_graphs(index: NeighborIndex, folder: Path) -> list[dict[str, Any]]:
    folder.mkdir()
    described = []
    for space in index.spaces.values():
        for partition in space.partitions:
            entry: dict[str, Any] = {
                "modality": space.modality,
                "view": partition.view,
                "count": len(partition.rows),
            }
            entry |= {"file": None, "settings": None}
            if partition.graph is not None:
                path = folder / f"{space.modality}-{partition.view}{partition.graph.suffix}"
                partition.graph.save(path)
                entry |= {"file": f"graphs/{path.name}", "settings": partition.graph.settings()}
            described.append(entry)
    return described


def _load_graphs(
    folder: Path, content: dict[str, Any], spaces: dict[str, Space], vectors: dict[str, np.ndarray]
) -> None:
    described = {(entry["modality"], entry["view"]): entry for entry in content["partitions"]}
    for space in spaces.values():
        for partition in space.partitions:
            entry = described.get((space.modality, partition.view))
            if entry is None or entry["count"] != len(partition.rows):
                raise UserError(
                    f"{folder / INDEX}: {space.modality} {partition.view} does not fit the rows; {_REMEDY}"
                )
            if entry["file"] is not None:
                held = partition_vectors(space, partition, vectors)
                partition.graph = load_graph(
                    content["backend"], folder / entry["file"], held, entry["settings"]
                )


def _read_content(folder: Path) -> dict[str, Any]:
    content = read_json(folder / INDEX, remedy="give a folder that index wrote")
    if not isinstance(content, dict) or any(key not in content for key in _KEYS):
        raise UserError(f"{folder / INDEX}: does not describe an index; {_REMEDY}")
    if content["format"] != FORMAT:
        raise UserError(
            f"{folder / INDEX}: format {content['format']!r}, this version reads {FORMAT}; {_REMEDY}"
        )
    if content["backend"] not in BACKENDS:
        raise UserError(f"{folder / INDEX}: unknown backend {content['backend']!r}; {_REMEDY}")
    return content


def _describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
        for path in paths
    }


def _check_files(folder: Path, files: dict[str, dict[str, Any]]) -> None:
    for name, described in files.items():
        path = folder / name
        if not path.is_file():
            raise UserError(f"{path}: file of the index is missing; {_REMEDY}")
        if os.path.getsize(path) != described["bytes"] or sha256_file(path) != described["sha256"]:
            raise UserError(f"{path}: changed since the index was written; {_REMEDY}")
