"""New films for an index that stands: rows behind its rows, vectors into its graphs, nothing measured anew.

σ², mean vectors and weights stay those of the rows that the index was built from, so that distances keep
their meaning and the graphs their points. An index whose films have come to look otherwise is built again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.data.schema import validate_studies
from cxrneighbors.encoders.projected import ProjectedImageEncoder, ProjectedReportEncoder
from cxrneighbors.encoders.shared_space import SHARED_SPACE, project
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.index.alignment import align
from cxrneighbors.index.encoder_source import EncoderSource
from cxrneighbors.index.fusion import squared_distances
from cxrneighbors.index.vector_store import VectorStore
from cxrneighbors.progress import say

# A film that is indexed already may be given again; its vector then lies within this, in σ².
SAME = 1e-6
_AGAIN = "build the index again"


def extended(
    store: VectorStore, encoders: EncoderSource, embeddings: Embeddings, studies: pd.DataFrame
) -> tuple[VectorStore, dict[str, Any]]:
    """The store with the rows of `studies` that it lacks, and what its manifest then says; see
    `NeighborIndex.add`. `store` itself stays as it is."""
    table = validate_studies(studies).reset_index(drop=True)
    embeddings = _in_shared_space(encoders, embeddings)
    for modality in embeddings.modalities:
        encoders.check(modality, embeddings.manifest["modalities"][modality], "add")
    known = table["image_id"].isin(store.image_ids).to_numpy()
    _check_rows(store, table[known])
    _check_vectors(store, embeddings)
    if known.all():
        raise UserError(f"study table: all {len(table)} images are in the index already; nothing to add")
    if known.any():
        say(f"{int(known.sum())} images are in the index already")
    new = table[~known].reset_index(drop=True)
    vectors, has = align(_without(embeddings, store.image_ids), new)
    none = np.zeros(len(new), dtype=bool)
    first = len(store.studies) if store.measured_on is None else store.measured_on
    bigger = replace(
        store,
        studies=validate_studies(pd.concat([store.studies, new], ignore_index=True)),
        vectors={
            name: np.concatenate([held, vectors.get(name, np.zeros((len(new), held.shape[1]), np.float32))])
            for name, held in store.vectors.items()
        },
        has={name: np.concatenate([held, has.get(name, none)]) for name, held in store.has.items()},
        measured_on=first,
    )
    bigger.extend_graphs(store.spaces)
    joined = {"studies_hash": embeddings.manifest.get("studies_hash"), "images": len(new)}
    return bigger, {**encoders.manifest, "added": [*encoders.manifest.get("added", []), joined]}


def _in_shared_space(encoders: EncoderSource, embeddings: Embeddings) -> Embeddings:
    """The embeddings after the heads of the index, where it has a space of films and reports."""
    if SHARED_SPACE not in encoders.manifest or SHARED_SPACE in embeddings.manifest:
        return embeddings
    image, report = encoders.get("image"), encoders.get("report")
    if not (isinstance(image, ProjectedImageEncoder) and isinstance(report, ProjectedReportEncoder)):
        raise UserError(f"index: its encoders end in no shared space; {_AGAIN}")
    return project(embeddings, image.head, report.head)


def _without(embeddings: Embeddings, image_ids: pd.Index) -> Embeddings:
    keep = {name: ~np.isin(np.array(ids, dtype=object), image_ids) for name, ids in embeddings.ids.items()}
    ids = {name: np.array(ids, dtype=object)[keep[name]].tolist() for name, ids in embeddings.ids.items()}
    return replace(
        embeddings, ids=ids, vectors={name: v[keep[name]] for name, v in embeddings.vectors.items()}
    )


def _check_rows(store: VectorStore, table: pd.DataFrame) -> None:
    """Raise `UserError` where an image that is indexed would be another one now."""
    held = store.studies.iloc[store.rows_of(table["image_id"].tolist())]
    for column in ("dataset", "patient_id", "view"):
        other = held[column].to_numpy() != table[column].to_numpy()
        if other.any():
            name = table["image_id"].iloc[int(np.argmax(other))]
            raise UserError(
                f"image {name!r}: is in the index already, with another {column}; "
                f"give new films ids of their own, or {_AGAIN}"
            )


def _check_vectors(store: VectorStore, embeddings: Embeddings) -> None:
    for modality, ids in embeddings.ids.items():
        given = embeddings.vectors[modality]
        if given.shape[1] != store.vectors[modality].shape[1]:
            raise UserError(
                f"{modality} vectors: of {given.shape[1]} dimensions, the index has "
                f"{store.vectors[modality].shape[1]}; {_AGAIN}"
            )
        rows = store.image_ids.get_indexer(ids)
        known = rows >= 0
        held = store.vectors[modality][rows[known]]
        apart = squared_distances(given[known], held[:, None])[:, 0] / store.scale[modality]
        other = ~store.has[modality][rows[known]] | (apart > SAME)
        if other.any():
            name = np.array(ids, dtype=object)[known][int(np.argmax(other))]
            raise UserError(
                f"image {name!r}: is in the index already, with another {modality} vector; "
                f"give new films ids of their own, or {_AGAIN}"
            )
