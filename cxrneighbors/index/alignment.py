"""Embeddings brought into the rows of a study table: ids matched, gaps kept as gaps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.progress import say


def align(
    embeddings: Embeddings, studies: pd.DataFrame
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Bring vectors into the rows of the table: vectors float32 (N, D) and has bool (N,), per modality.

    A row without a vector has zeros there, and has=False.
    Raises `UserError` for ids twice, ids that are not in the table, vectors that are not finite, and when no
    modality has any vector. Says how many rows have no vector.
    """
    row_of = pd.Series(np.arange(len(studies)), index=studies["image_id"])
    vectors: dict[str, np.ndarray] = {}
    has: dict[str, np.ndarray] = {}
    for modality, ids in embeddings.ids.items():
        if not len(ids):
            say(f"{modality}: no embeddings, left out")
            continue
        rows = _rows_of_ids(ids, row_of, modality)
        values = np.asarray(embeddings.vectors[modality], dtype=np.float32)
        bad = ~np.isfinite(values).all(axis=1)
        if bad.any():
            raise UserError(
                f"embeddings: {modality} vector of {ids[int(np.argmax(bad))]!r} is not finite; encode again"
            )
        vectors[modality] = np.zeros((len(studies), values.shape[1]), dtype=np.float32)
        vectors[modality][rows] = values
        has[modality] = np.zeros(len(studies), dtype=bool)
        has[modality][rows] = True
        if missing := int((~has[modality]).sum()):
            say(f"{modality}: {missing} of {len(studies)} rows have no embedding and are not found by it")
    if not vectors:
        raise UserError("embeddings: no vectors in any modality; encode images or reports first")
    return vectors, has


def _rows_of_ids(ids: Sequence[str], row_of: pd.Series, modality: str) -> np.ndarray:
    named = pd.Index(ids)
    if named.has_duplicates:
        twice = named[named.duplicated()][0]
        raise UserError(f"embeddings: {modality} image {twice!r} comes twice; encode into a new folder")
    rows = row_of.reindex(named)
    if rows.isna().any():
        unknown = named[rows.isna().to_numpy()]
        raise UserError(
            f"embeddings: {len(unknown)} {modality} images are not in the study table, first {unknown[0]!r}; "
            "give the table that was encoded"
        )
    return rows.to_numpy(dtype=np.int64)
