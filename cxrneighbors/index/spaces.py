"""The search spaces of an index: one per modality and one fused, each with a graph per view."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cxrneighbors.data.views import VIEWS
from cxrneighbors.index.backends.registry import BACKENDS, Attributes, Graph, graph_class
from cxrneighbors.index.fusion import VECTOR_MODALITIES, Factors, distance_factors, scaled_concatenation
from cxrneighbors.processes import usable_cpus
from cxrneighbors.progress import track


@dataclass(frozen=True)
class Partition:
    """The rows of one view: `rows` int64 (n,), ascending, and their graph, built with `factors`."""

    view: str
    rows: np.ndarray
    factors: Factors
    graph: Graph


@dataclass
class Space:
    """One modality ('image', 'report' or 'fused'): `rows` int64 (n,) that can be found by it, ascending.

    `partitions`: one per view that occurs; none where everything is searched exactly.
    """

    modality: str
    factors: Factors
    rows: np.ndarray
    partitions: list[Partition] = field(default_factory=list)

    @property
    def has_graphs(self) -> bool:
        """False for a fused space with a weight of 0: what is asked of it, the other modality answers."""
        return min(self.factors.values()) > 0

    def view_rows(self, views: np.ndarray) -> dict[str, np.ndarray]:
        """Rows of each view that occurs, by `views` (N,)."""
        rows = {view: self.rows[views[self.rows] == view] for view in VIEWS}
        return {view: found for view, found in rows.items() if len(found)}


def make_spaces(
    has: dict[str, np.ndarray], scale: dict[str, float], weights: dict[str, float]
) -> dict[str, Space]:
    """Spaces without graphs; 'fused', with the rows that have either, where some row has both modalities."""
    members = {name: has[name] for name in VECTOR_MODALITIES if name in has and has[name].any()}
    if len(members) == 2 and (has["image"] & has["report"]).any():
        members["fused"] = has["image"] | has["report"]
    return {
        modality: Space(modality, distance_factors(modality, scale, weights), np.flatnonzero(member))
        for modality, member in members.items()
    }


def build_graphs(
    spaces: dict[str, Space],
    vectors: dict[str, np.ndarray],
    apart: dict[str, np.ndarray],
    views: np.ndarray,
    backend: str,
    options: dict[str, Any],
    attributes: Attributes | None = None,
) -> None:
    """Give every space its partitions; nothing for backend 'exact'. `apart`: see `scaled_concatenation`.

    `attributes`: of all rows, for a backend that filters.

    hnswlib graphs are built by one thread each, which makes them the same at every build; several are built
    at once, the largest first.
    """
    kind = graph_class(backend)
    if kind is None:
        return
    drawn = [space for space in spaces.values() if space.has_graphs]
    jobs = [(space, view, rows) for space in drawn for view, rows in space.view_rows(views).items()]
    jobs.sort(key=lambda job: -len(job[2]) * sum(vectors[name].shape[1] for name in job[0].factors))

    def build(job: tuple[Space, str, np.ndarray]) -> Graph:
        known = _known(attributes, job[2])
        points = scaled_concatenation(vectors, job[0].factors, job[2], apart=apart)
        return kind.build(points, **known, **options)

    with ThreadPoolExecutor(min(8, usable_cpus()) if backend == "hnsw" else 1) as pool:
        graphs = track(pool.map(build, jobs), "building graphs", len(jobs))
        for (space, view, rows), graph in zip(jobs, graphs, strict=True):
            space.partitions.append(Partition(view, rows, space.factors, graph))
    for space in spaces.values():
        space.partitions.sort(key=lambda partition: VIEWS.index(partition.view))


def extend_graphs(
    spaces: dict[str, Space],
    before: dict[str, Space],
    vectors: dict[str, np.ndarray],
    apart: dict[str, np.ndarray],
    views: np.ndarray,
    backend: str,
    attributes: Attributes | None = None,
) -> None:
    """Give every space its partitions: those of `before` with the rows that came behind, new ones for others.

    Arguments as in `build_graphs`, of all rows; the first of them are those of `before`, unchanged. A graph
    that knows the attributes of its rows is built again.
    """
    kind = graph_class(backend)
    if kind is None:
        return
    there = {(name, part.view): part.graph for name, space in before.items() for part in space.partitions}
    drawn = [space for space in spaces.values() if space.has_graphs]
    jobs = [(space, view, rows) for space in drawn for view, rows in space.view_rows(views).items()]
    for space, view, rows in track(jobs, "adding to graphs", len(jobs)):
        graph = there.get((space.modality, view))
        points = scaled_concatenation(vectors, space.factors, rows, apart=apart)
        if graph is None or attributes is not None:
            grown = kind.build(points, **_known(attributes, rows), **_options(backend, there))
        else:
            grown = graph.extended(points)
        space.partitions.append(Partition(view, rows, space.factors, grown))


def _known(attributes: Attributes | None, rows: np.ndarray) -> dict[str, Attributes]:
    return {} if attributes is None else {"attributes": attributes.take(rows)}


def _options(backend: str, there: Mapping[tuple[str, str], Graph]) -> dict[str, Any]:
    """What the graphs there were built with; a new one's `ef` is measured."""
    settings = next((graph.settings() for graph in there.values()), {})
    return {name: settings[name] for name in BACKENDS[backend] if name in settings and name != "ef"}
