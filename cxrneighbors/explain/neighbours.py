"""The target's neighbour set: which films, how far, with which findings, and their pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.errors import UserError
from cxrneighbors.explain.films import Film, indexed_film, row_of
from cxrneighbors.index.policies.cluster import cluster_neighbours
from cxrneighbors.index.query_encoding import encode_images

COLUMNS = ("rank", "neighbor_id", "distance", "image_distance", "report_distance", "findings")


@dataclass(frozen=True)
class NeighbourSet:
    """K neighbours, nearest first. `table`: `COLUMNS`, one row each; `films`: their pixels."""

    table: pd.DataFrame
    films: tuple[Film, ...]

    def pixels(self) -> np.ndarray:
        """float32 (K, C, H, W)."""
        return np.stack([film.pixels for film in self.films])


@dataclass(frozen=True)
class NeighbourQuery:
    """How neighbours are chosen; the arguments of `NeighborIndex.search`."""

    k: int = 5
    policy: str = "nearest"
    modality: str = "image"
    where: str | None = None
    include_same_patient: bool = False
    seed: int = 0


def no_neighbours() -> pd.DataFrame:
    """A table of neighbours without rows."""
    return pd.DataFrame({column: pd.Series(dtype=object) for column in COLUMNS})


def find_neighbours(
    index: Any, target: Film, query: NeighbourQuery, size: int | None, aspect: str
) -> NeighbourSet:
    """The neighbour set of `target` in a `NeighborIndex`.

    A target from outside the index is encoded with the index's image encoder.
    Raises `UserError` when there are fewer than K neighbours, or one has no pixels or another shape.
    """
    if query.k < 1:
        raise UserError(f"k {query.k}: an explanation from neighbours needs at least 1")
    hits = _hits(index, target, query)
    if len(hits) < query.k:
        raise UserError(
            f"image {target.image_id!r}: {len(hits)} of {query.k} neighbours exist; "
            "lower k, widen the filter (--where) or add images to the index"
        )
    rows = [row_of(index.studies, image_id) for image_id in hits["neighbor_id"]]
    films = tuple(_fitting(indexed_film(index.studies, row, size, aspect), target) for row in rows)
    table = hits.reset_index(drop=True)
    table["findings"] = pd.Series([list(film.findings) for film in films], dtype=object)
    return NeighbourSet(table[list(COLUMNS)], films)


def image_encoder(index: Any) -> Any:
    """The encoder that made the index's image vectors; `UserError` when it is not stored with the index."""
    return index.encoders.get("image")


def _fitting(film: Film, target: Film) -> Film:
    if film.pixels.shape[1:] != target.pixels.shape[1:]:
        raise UserError(
            f"neighbour {film.image_id!r}: {film.pixels.shape[1:]} pixels where the target has "
            f"{target.pixels.shape[1:]}; give image_size, so that films are brought to one size"
        )
    if film.pixels.shape[0] < target.pixels.shape[0]:
        pixels = np.repeat(film.pixels, target.pixels.shape[0], axis=0)
        return Film(pixels, film.image_id, film.findings, film.row)
    return film


def _hits(index: Any, target: Film, query: NeighbourQuery) -> pd.DataFrame:
    if target.row is None:
        return _outside_hits(index, target, query)
    return index.search(
        [target.image_id],
        k=query.k,
        where=query.where,
        modality=query.modality,
        policy=query.policy,
        include_same_patient=query.include_same_patient,
        seed=query.seed,
    )


def _candidates(index: Any, query: NeighbourQuery) -> np.ndarray:
    """Rows that a film from outside the index may find: int64 (n,)."""
    return np.flatnonzero(np.array(index.has["image"], dtype=bool) & index.rows_where(query.where))


def _outside_hits(index: Any, target: Film, query: NeighbourQuery) -> pd.DataFrame:
    """Neighbours of a film that is not in the index, by its latent vector."""
    from cxrneighbors.explain.latent import encode_film

    if query.policy not in ("nearest", "cluster"):
        raise UserError(
            f"policy {query.policy!r}: not for a film outside the index; use nearest or cluster, or index it"
        )
    if query.modality != "image":
        raise UserError(
            f"modality {query.modality!r}: a film outside the index has no report to search by; "
            "use modality 'image', or index it with its report"
        )
    encoder = image_encoder(index)
    if target.path is None:
        vector = encode_film(encoder, target.pixels)
    else:  # read as the index reads a query, not at the classifier's size
        vector = encode_images(encoder, [target.path])[0]
    rows = _candidates(index, query)
    vectors = index.vectors["image"][rows]
    if query.policy == "cluster":
        chosen = cluster_neighbours(np.concatenate([vector[None], vectors]), query.k) - 1
    else:
        chosen = np.argsort(np.linalg.norm(vectors - vector, axis=1), kind="stable")[: query.k]
    return _table(index, vector, rows[chosen])


def _table(index: Any, vector: np.ndarray, rows: np.ndarray) -> pd.DataFrame:
    difference = index.vectors["image"][rows].astype(np.float64) - vector
    distance = np.linalg.norm(difference, axis=1) / np.sqrt(index.scale["image"])
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(rows) + 1),
            "neighbor_id": index.studies["image_id"].to_numpy()[rows],
            "distance": distance.astype(np.float32),
            "image_distance": distance.astype(np.float32),
            "report_distance": np.full(len(rows), np.nan, dtype=np.float32),
        }
    )
