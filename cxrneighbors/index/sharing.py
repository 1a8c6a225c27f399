"""A copy of an index to pass on: without paths, reports and ids, searched by its films and by new ones."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.data.paths import PATHS_FROM
from cxrneighbors.data.schema import COLUMNS
from cxrneighbors.encoders.shared_space import SHARED_SPACE
from cxrneighbors.errors import UserError
from cxrneighbors.files import naming
from cxrneighbors.index.backends.registry import BACKENDS
from cxrneighbors.index.encoder_source import EncoderSource
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.vector_store import VectorStore
from cxrneighbors.records import check_replaceable, write_records
from cxrneighbors.statistics.patients import unit_codes

IDS = ("image_id", "patient_id", "study_id")
MAX_AGE = 90.0
MAPPING = ("number", *IDS, "dataset")
_KEPT = ("encoder", "config", "weights_hash", "dim", "count")


def export_index(
    index: NeighborIndex,
    out: str | Path,
    *,
    mapping: str | Path | None = None,
    report_vectors: bool = False,
    rng: np.random.Generator | None = None,
) -> NeighborIndex:
    """Write a copy of `index` to folder `out` that says of no film whose it is; the copy.

    Films come in an order drawn by `rng` (None: of the system's randomness) and are called by their number
    in it, as are patients and studies. Kept: view, position, sex, age (above 90: 90), findings, split, data
    set, the image vectors and their encoder. Gone: paths, reports, sections, further columns, hashes over any
    of these. `report_vectors`: keep the vectors of reports too, of which much of a text can be guessed;
    the report encoder stays behind where it was fitted on reports, since it holds their words.

    `mapping`: private table of which number is whose, .csv, .json or .parquet, outside of `out`, readable by
    its owner alone.

    Raises `UserError` for an index without image vectors or in a shared space, an encoder whose settings hold
    a path, and a `mapping` inside `out`.
    """
    out = Path(out)
    _check(index, out, mapping)
    order = _order(index.store, rng or np.random.default_rng())
    studies = _anonymous(index.studies.iloc[order].reset_index(drop=True))
    names = [name for name in index.vectors if name == "image" or report_vectors]
    store = replace(
        index.store,
        studies=studies,
        vectors={name: index.vectors[name][order] for name in names},
        has={name: index.has[name][order] for name in names},
        weight_choice=None,
    )
    store.build_graphs(_options(index.store))
    out.parent.mkdir(parents=True, exist_ok=True)
    # Beside the copy: what has room for the one has room for the other.
    with naming(out), tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as temporary:
        folder = Path(temporary) / "encoders"
        index.encoders.save(folder)
        manifest = {"studies_hash": None, "modalities": {name: _entry(index, name) for name in names}}
        for name in ("image", "report"):
            if name not in names or (name == "report" and _fitted(index, name)):
                shutil.rmtree(folder / name, ignore_errors=True)
        copy = NeighborIndex(store, EncoderSource(manifest, folder=folder))
        copy.save(out)
    if mapping is not None:
        _write_mapping(index.studies.iloc[order], studies, Path(mapping))
    return copy


def _check(index: NeighborIndex, out: Path, mapping: str | Path | None) -> None:
    if "image" not in index.vectors:
        raise UserError("index: has no image vectors, and reports are not shared; there is nothing to export")
    if SHARED_SPACE in index.manifest:
        raise UserError("index: its space was fitted on films and reports together; index without it first")
    for name in index.vectors:
        for text in _texts(index.manifest["modalities"][name].get("config")):
            if os.path.isabs(text):
                raise UserError(
                    f"{name} encoder: its settings hold a path of this machine, {text}; encode with a "
                    "model's name instead"
                )
    if mapping is not None:
        check_replaceable(mapping, MAPPING)
        inner, outer = os.path.realpath(mapping), os.path.realpath(out)
        if os.path.commonpath([inner, outer]) == outer:
            raise UserError(f"{mapping}: lies inside the folder that is shared; give another place")


def _texts(value: Any) -> Iterator[str]:
    """All texts inside a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _order(store: VectorStore, rng: np.random.Generator) -> np.ndarray:
    """A random order of the rows; the first `measured_on` stay the first."""
    n, first = len(store.studies), store.measured_on or len(store.studies)
    return np.concatenate([rng.permutation(first), first + rng.permutation(n - first)]).astype(np.int64)


def _anonymous(studies: pd.DataFrame) -> pd.DataFrame:
    table = studies[list(COLUMNS)].assign(path=None, report=None, sections=None)
    table["age"] = table["age"].clip(upper=MAX_AGE)
    for column in IDS:
        codes = unit_codes(studies, column.removesuffix("_id"))
        width = len(str(codes.max() + 1))
        table[column] = pd.Series([f"{code + 1:0{width}}" for code in codes], dtype=object)
    table.attrs.pop(PATHS_FROM, None)
    return table


def _options(store: VectorStore) -> dict[str, Any]:
    """How the graphs were built, without the place of a database."""
    settings = next(
        (part.graph.settings() for space in store.spaces.values() for part in space.partitions), {}
    )
    wanted = set(BACKENDS[store.backend]) - {"ef", "uri"}
    return {name: settings[name] for name in wanted if name in settings}


def _entry(index: NeighborIndex, name: str) -> dict[str, Any]:
    entry = index.manifest["modalities"][name]
    return {key: entry[key] for key in _KEPT if key in entry}


def _fitted(index: NeighborIndex, name: str) -> bool:
    return bool(index.manifest["modalities"][name].get("encoder") == "tfidf")


def _write_mapping(studies: pd.DataFrame, shared: pd.DataFrame, path: Path) -> None:
    named = studies.reset_index(drop=True)[[*IDS, "dataset"]]
    write_records(named.assign(number=shared["image_id"])[list(MAPPING)], path)
    os.chmod(path, 0o600)
