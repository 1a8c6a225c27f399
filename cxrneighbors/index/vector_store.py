"""Vectors of N images, how their distances are measured, and the graphs over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxrneighbors.data.schema import validate_studies
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError, choose
from cxrneighbors.index.alignment import align
from cxrneighbors.index.backends.exact import nearest_exact
from cxrneighbors.index.backends.registry import Attributes, can_filter, check_options
from cxrneighbors.index.filters import Admission
from cxrneighbors.index.fusion import (
    FUSIONS,
    MODALITIES,
    VECTOR_MODALITIES,
    Factors,
    check_weights,
    modality_scale,
    squared_distances,
)
from cxrneighbors.index.predicate_columns import Column
from cxrneighbors.index.predicates import Predicates
from cxrneighbors.index.spaces import Space, build_graphs, extend_graphs, make_spaces
from cxrneighbors.statistics.patients import ONE_PER, patient_codes, unit_codes

if TYPE_CHECKING:
    from cxrneighbors.index.backends.on_device import VectorsOnDevice

# Measured with eval/search_benchmark.py: at and below this many passing rows the exact search always wins.
EXACT_ROWS = 2000
# Exact distances that cost what one unit of a graph's effort (`ef`) costs: many when a batch shares its
# filter and so one matrix product, few when each query has its own. 'device': of a batch whose product a GPU
# computes; not measured: a core takes about 1 µs for a unit of effort, a GPU should take 0.1 ns for a row.
ROWS_PER_EFFORT = {"shared": 600, "own": 8, "device": 10_000}
# Yes/no columns that `where` knows beside those of the study table.
HAS = tuple(f"has_{name}" for name in VECTOR_MODALITIES)


@dataclass
class VectorStore:
    """What is searched: N rows, one for each image of the study table `studies`.

    `vectors[m]`: float32 (N, D) and `has[m]`: bool (N,) for m in 'image', 'report'; a row without the
    modality holds the mean vector and has `apart[m]`, float32 (N,), above 0, for fused searches alone (see
    `fusion`). `scale[m]`: σ². `weights`: those of the fused graph. `fusion`: one of `FUSIONS`.
    `weight_choice`: how the weights were chosen, where they were (see `weight_choice.choose_weights`).
    `measured_on`: how many rows, the first ones, scale and mean vectors were measured on; None for all.
    `exact_rows`: with at most this many admitted rows a search is exact; `rows_per_effort`: how readily one
    of more is, see `ROWS_PER_EFFORT`. `spaces`: by modality. `patients`: int64 (N,), number of each row's
    patient. `centre[m]`: float32 (D,), the mean vector. `on_device`: the vectors on a GPU, see `to`.
    """

    studies: pd.DataFrame
    vectors: dict[str, np.ndarray]
    has: dict[str, np.ndarray]
    scale: dict[str, float]
    weights: dict[str, float]
    backend: str = "exact"
    fusion: str = "distance"
    weight_choice: dict[str, Any] | None = None
    measured_on: int | None = None
    exact_rows: int = EXACT_ROWS
    rows_per_effort: dict[str, int] = field(default_factory=ROWS_PER_EFFORT.copy)
    spaces: dict[str, Space] = field(init=False)
    patients: np.ndarray = field(init=False)
    centre: dict[str, np.ndarray] = field(init=False)
    apart: dict[str, np.ndarray] = field(init=False)
    on_device: VectorsOnDevice | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.spaces = make_spaces(self.has, self.scale, self.weights)
        self.patients = patient_codes(self.studies)
        self.centre = {name: self._measured(name).mean(axis=0) for name in self.vectors}
        self.apart = {name: self._set_apart(name) for name in self.vectors}
        self.image_ids = pd.Index(self.studies["image_id"])

    def _measured(self, name: str) -> np.ndarray:
        first = slice(self.measured_on)
        return np.asarray(self.vectors[name][first][self.has[name][first]])

    def _set_apart(self, name: str) -> np.ndarray:
        """Put rows that lack a modality at its mean; their coordinate apart, its root mean square: (N,)."""
        has, values = self.has[name], self.vectors[name]
        values[~has] = self.centre[name]
        n = int(has[: self.measured_on].sum())
        return np.where(has, 0, np.sqrt(self.scale[name] * (n - 1) / (2 * n))).astype(np.float32)

    @classmethod
    def build(
        cls,
        embeddings: Embeddings,
        studies: pd.DataFrame,
        weights: Mapping[str, float] | None,
        backend: str,
        options: dict[str, Any],
        fusion: str = "distance",
    ) -> VectorStore:
        """Align and scale, without graphs; see `NeighborIndex.build`."""
        check_options(backend, options)
        choose("fusion", fusion, FUSIONS)
        table = validate_studies(studies).reset_index(drop=True)
        if not len(table):
            raise UserError("study table: it has no rows; import a data set first")
        complete = check_weights(weights)
        vectors, has = align(embeddings, table)
        scale = {name: modality_scale(vectors[name][has[name]]) for name in vectors}
        return cls(table, vectors, has, scale, complete, backend, fusion)

    def build_graphs(self, options: dict[str, Any]) -> None:
        """Give every space its graphs; see `spaces.build_graphs`."""
        known = self._attributes()
        build_graphs(self.spaces, self.vectors, self.apart, self.views, self.backend, options, known)

    def extend_graphs(self, spaces: dict[str, Space]) -> None:
        """Give every space the graphs of `spaces` with the rows added since; see `spaces.extend_graphs`."""
        known = self._attributes()
        extend_graphs(self.spaces, spaces, self.vectors, self.apart, self.views, self.backend, known)

    def _attributes(self) -> Attributes | None:
        """What a backend that filters is told of all rows; None for another."""
        if not can_filter(self.backend):
            return None
        names = [name for name in self.studies.columns if isinstance(name, str)]
        columns = {name: self.column(name) for name in (*names, *HAS)}
        return Attributes(columns, {"patient": self.patients, "row": np.arange(len(self.studies))})

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those of 'image', 'report', 'fused' that can be searched."""
        return tuple(self.spaces)

    @property
    def views(self) -> np.ndarray:
        """Each row's view: object (N,)."""
        return self.studies["view"].to_numpy(dtype=object)

    @cached_property
    def _predicates(self) -> Predicates:
        nothing = np.zeros(len(self.studies), dtype=bool)
        flags = [self.has.get(name, nothing) for name in VECTOR_MODALITIES]
        return Predicates(self.studies, dict(zip(HAS, flags, strict=True)))

    def column(self, name: str) -> Column:
        """A column as `where` expressions see it; a `UserError` for an unknown one."""
        return self._predicates.column(name)

    def rows_where(self, where: str | None) -> np.ndarray:
        """Rows that pass an expression (see `Predicates`): bool (N,); all for None."""
        if where is None:
            return np.ones(len(self.studies), dtype=bool)
        return self._predicates.evaluate(where)

    def units(self, one_per: str) -> np.ndarray | None:
        """What each row belongs to, a study or a patient: int64 (N,); None where each row is its own."""
        if choose("one_per", one_per, ONE_PER) == "image":
            return None
        codes = self.patients if one_per == "patient" else self._study_codes
        return None if codes.max() == len(codes) - 1 else codes

    @cached_property
    def _study_codes(self) -> np.ndarray:
        return unit_codes(self.studies, "study")

    def rows_of(self, image_ids: Sequence[str]) -> np.ndarray:
        """Rows of indexed images: int64 (Q,); a `UserError` names the first unknown one."""
        rows: np.ndarray = self.image_ids.get_indexer(list(image_ids)).astype(np.int64)
        if (rows < 0).any():
            unknown, examples = list(image_ids)[int(np.argmin(rows))], ", ".join(self.image_ids[:3])
            raise UserError(f"image id {unknown!r}: not in this index; its ids look like {examples}")
        return rows

    def to(self, device: str) -> None:
        """Compute exact distances on `device`, a torch device; 'cpu' takes the compiled search, as usual.

        Raises `UserError` for a device that is not there or has no memory for the vectors.
        """
        self.on_device = None
        if device == "cpu":  # and torch is not imported
            return
        from cxrneighbors.index.backends.on_device import place

        self.on_device = place(self.vectors, self.centre, self.apart, device)

    def nearest(
        self,
        rows: np.ndarray,
        queries: Mapping[str, np.ndarray],
        factors: Factors,
        k: int,
        admission: Admission,
    ) -> np.ndarray:
        """Candidates for the k nearest of `rows`, without a graph: see `nearest_exact`."""
        if self.on_device is not None:
            return self.on_device.nearest(rows, queries, factors, k, admission)
        return nearest_exact(self.vectors, rows, queries, factors, k, admission, self.centre, self.apart)

    def row_vectors(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Vectors of `rows` int64 (Q,) as queries, float32 (Q, D); a modality that a row lacks is NaN."""
        taken = {name: values[rows] for name, values in self.vectors.items()}
        for name, values in taken.items():
            values[~self.has[name][rows]] = np.nan
        return taken

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

    def distances(self, vectors: Mapping[str, np.ndarray], rows: np.ndarray, factors: Factors) -> np.ndarray:
        """By `factors`, of queries (see `row_vectors`) to `rows` int64 (Q, K): float32 (Q, K).

        NaN for a row of -1, and where the query lacks a modality or the row all of them; a row that lacks one
        of two is at its expected distance.
        """
        if not all(name in self.vectors and name in vectors for name in factors):
            return np.full(rows.shape, np.nan, dtype=np.float32)
        known = np.logical_or.reduce([self.has[name] for name in factors])
        squared = np.where((rows >= 0) & known[rows], 0.0, np.nan)
        for name, factor in factors.items():
            queries, stored = vectors[name], self.vectors[name]
            if len(factors) > 1:
                squared += factor * self.apart[name][rows].astype(np.float64) ** 2
            step = max(1, 2**22 // max(1, rows.shape[1] * stored.shape[1]))
            for part in (slice(start, start + step) for start in range(0, len(rows), step)):
                squared[part] += factor * squared_distances(queries[part], stored[rows[part]])
        return np.sqrt(squared).astype(np.float32)
