"""Ways of choosing neighbours, ready to be scored: an index's own graphs, and other embeddings beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.evaluation.graph import Method
from cxrneighbors.index.neighbor_index import NeighborIndex

EXACT_ROWS = 20_000  # up to here other embeddings are searched exactly, beyond it by graph


@dataclass(frozen=True)
class LeftOut:
    """A method that cannot be computed here, and why."""

    name: str
    reason: str


def index_methods(index: NeighborIndex) -> list[Method]:
    """The graphs of an index: `image`, `report` and `fused`, those that exist."""
    methods = []
    for modality in index.modalities:
        parts = ("image", "report") if modality == "fused" else (modality,)
        has = np.logical_and.reduce([index.has[part] for part in parts])
        methods.append(Method(modality, has, partial(index.neighbors, modality=modality), "index", modality))
    return methods


def embedding_method(name: str, embeddings: Embeddings, index: NeighborIndex) -> Method:
    """Neighbours by other embeddings of the index's images: by image vectors where there are any.

    A row takes part where both it and the index have the modality.
    """
    modality = "image" if "image" in embeddings.vectors else "report"
    backend = "exact" if len(index.studies) <= EXACT_ROWS else "hnsw"
    other = type(index).build(embeddings, index.studies, backend=backend)
    has = other.has[modality] & index.has[modality] if modality in index.has else other.has[modality]
    return Method(name, has, partial(other.neighbors, modality=modality), "encoder", modality)
