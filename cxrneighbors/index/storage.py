"""The index folder, written and replaced as a whole, and checked file by file when it is read.

IDX/manifest.json          weights, scales, counts, each graph's settings, SHA-256 of every file
IDX/studies.parquet        the study table
IDX/vectors/image.npy      float32 (n, D) of the rows that have the modality; image.rows.npy: those rows
IDX/graphs/fused-PA.bin    one graph per modality and view (none with backend 'exact')
IDX/encoders/image/        the encoders, copied from the embeddings
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.artifact import MANIFEST, Kind
from cxrneighbors.data.tables import read_table, write_table
from cxrneighbors.errors import UserError, choose
from cxrneighbors.files import sha256_file
from cxrneighbors.index.backends.registry import BACKENDS, graph_class
from cxrneighbors.index.encoder_source import EncoderSource
from cxrneighbors.index.fusion import FUSIONS, check_weights, scaled_concatenation
from cxrneighbors.index.spaces import Partition
from cxrneighbors.index.vector_store import VectorStore

KIND = Kind("index", 3, "index")
_KEYS = {"backend", "weights", "weight_choice", "fusion", "scale", "modalities", "dim", "count", "partitions"}
_KEYS |= {"embeddings", "files"}
_REMEDY = "build the index again"


@dataclass(frozen=True)
class Source:
    """The `folder` that an index lies in; `digest`: SHA-256 of its manifest, which has those of all files."""

    folder: Path
    digest: str

    @classmethod
    def of(cls, folder: Path) -> Source:
        """What lies in `folder` now."""
        return cls(folder, sha256_file(folder / MANIFEST))


def save_index(store: VectorStore, encoders: EncoderSource, folder: Path) -> None:
    """Write the whole folder in one step; an older index there is replaced, another folder is refused."""
    graphs = {
        f"graphs/{space.modality}-{part.view}{part.graph.suffix}": (space.modality, part)
        for space in store.spaces.values()
        for part in space.partitions
    }
    content = {
        "backend": store.backend,
        "weights": store.weights,
        "weight_choice": store.weight_choice,
        "fusion": store.fusion,
        "measured_on": store.measured_on,
        "scale": store.scale,
        "modalities": list(store.modalities),
        "dim": {name: values.shape[1] for name, values in store.vectors.items()},
        "count": {"rows": len(store.studies)} | {name: int(has.sum()) for name, has in store.has.items()},
        "partitions": [
            {"modality": modality, "view": part.view, "count": len(part.rows), "file": file}
            | {"settings": part.graph.settings()}
            for file, (modality, part) in graphs.items()
        ],
        "embeddings": encoders.manifest,
    }
    with KIND.replacing(folder, content) as temporary:
        write_table(store.studies, temporary / "studies.parquet")
        for name in ("vectors", "graphs"):
            (temporary / name).mkdir()
        for name, values in store.vectors.items():
            rows = np.flatnonzero(store.has[name]).astype(np.int64)
            np.save(temporary / "vectors" / f"{name}.rows.npy", rows, allow_pickle=False)
            np.save(temporary / "vectors" / f"{name}.npy", values[rows], allow_pickle=False)
        for file, (_, part) in graphs.items():
            part.graph.save(temporary / file)
        encoders.save(temporary / "encoders")
    # The encoders are in the folder now; an index saved over the one that it was read from stays whole.
    encoders.moved_to(folder / "encoders")


def load_index(folder: Path, fetch: bool = False) -> tuple[VectorStore, EncoderSource]:
    """The index in `folder`.

    Raises `UserError` naming the file: missing, changed since it was written, of another format, or a graph
    whose space, dimension or content does not fit the vectors.
    """
    if (folder / "index.json").is_file():
        raise UserError(
            f"{folder}: an index of format 1, this version reads {KIND.version}; {_REMEDY} in a new folder"
        )
    content = KIND.read(folder)
    if not content.keys() >= _KEYS:
        raise UserError(f"{folder / MANIFEST}: does not describe an index; {_REMEDY}")
    if content["backend"] not in BACKENDS:
        raise UserError(f"{folder / MANIFEST}: unknown backend {content['backend']!r}; {_REMEDY}")
    studies = read_table(folder / "studies.parquet")
    try:
        return _loaded(folder, content, studies, fetch)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        # A number or name in the manifest that nothing in the files goes with.
        reason = " ".join(f"{type(error).__name__} {error}".split())[:120]
        raise UserError(f"{folder / MANIFEST}: does not fit the files ({reason}); {_REMEDY}") from None


def _loaded(
    folder: Path, content: dict[str, Any], studies: pd.DataFrame, fetch: bool
) -> tuple[VectorStore, EncoderSource]:
    vectors: dict[str, np.ndarray] = {}
    has: dict[str, np.ndarray] = {}
    for name, dim in content["dim"].items():
        vectors[name], has[name] = _load_vectors(folder / "vectors", name, len(studies), dim)
    if not isinstance(content["weights"], dict):
        raise TypeError(f"weights {content['weights']!r}")
    weights = check_weights(content["weights"])
    choice, fusion = content["weight_choice"], choose("fusion", content["fusion"], FUSIONS)
    first = content.get("measured_on")
    if first is not None and not all(len(rows) >= first and rows[:first].any() for rows in has.values()):
        raise UserError(f"{folder / MANIFEST}: measured_on {first!r} does not fit the vectors; {_REMEDY}")
    scale, backend = content["scale"], content["backend"]
    if not all(np.isfinite(scale[name]) and scale[name] > 0 for name in vectors):
        raise ValueError(f"scale {scale!r}")
    store = VectorStore(studies, vectors, has, scale, weights, backend, fusion, choice, first)
    if list(store.modalities) != content["modalities"]:
        raise UserError(
            f"{folder / MANIFEST}: modalities {content['modalities']} do not fit the vectors; {_REMEDY}"
        )
    _load_graphs(store, content["partitions"], folder)
    return store, EncoderSource(content["embeddings"], folder=folder / "encoders", fetch=fetch)


def _load_vectors(folder: Path, name: str, n_rows: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    rows, values = _read_array(folder / f"{name}.rows.npy"), _read_array(folder / f"{name}.npy")
    if rows.ndim != 1 or rows.dtype != np.int64 or (np.diff(rows) <= 0).any():
        raise UserError(f"{folder / name}.rows.npy: not row numbers in ascending order; {_REMEDY}")
    if not np.isfinite(values).all():
        raise UserError(f"{folder / name}.npy: vectors that are not finite; {_REMEDY}")
    if values.shape != (len(rows), dim) or values.dtype != np.float32:
        raise UserError(
            f"{folder / name}.npy: {values.dtype} {values.shape}, not float32 {(len(rows), dim)}; {_REMEDY}"
        )
    if len(rows) and not 0 <= rows.min() <= rows.max() < n_rows:
        raise UserError(f"{folder / name}.rows.npy: rows that the study table does not have; {_REMEDY}")
    vectors, has = np.zeros((n_rows, dim), dtype=np.float32), np.zeros(n_rows, dtype=bool)
    vectors[rows], has[rows] = values, True
    return vectors, has


def _read_array(path: Path) -> np.ndarray:
    """An array of numbers; one whose head claims more than the file has is refused before memory is taken."""
    try:
        array = np.array(np.load(path, mmap_mode="r", allow_pickle=False))
        if array.dtype.kind not in "if":
            raise ValueError(f"holds {array.dtype}")
    # What NumPy's reading of a head, which is Python, can raise.
    except (ValueError, SyntaxError, TypeError, KeyError, EOFError, OverflowError, TokenError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{path}: cannot be read as an array ({reason}); {_REMEDY}") from None
    return array


def _load_graphs(store: VectorStore, partitions: list[dict[str, Any]], folder: Path) -> None:
    kind = graph_class(store.backend)
    if kind is None:
        return
    described = {(entry["modality"], entry["view"]): entry for entry in partitions}
    for space in (space for space in store.spaces.values() if space.has_graphs):
        for view, rows in space.view_rows(store.views).items():
            entry = described.get((space.modality, view))
            if entry is None or entry["count"] != len(rows):
                raise UserError(
                    f"{folder / MANIFEST}: {space.modality} {view} does not fit the rows; {_REMEDY}"
                )
            if entry.get("file") not in [f"graphs/{space.modality}-{view}{end}" for end in kind.suffixes]:
                raise UserError(
                    f"{folder / MANIFEST}: the graph of {space.modality} {view} is elsewhere; {_REMEDY}"
                )
            held = scaled_concatenation(store.vectors, space.factors, rows, apart=store.apart)
            graph = kind.load(folder / entry["file"], held, entry["settings"])
            space.partitions.append(Partition(view, rows, space.factors, graph))
