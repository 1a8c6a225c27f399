"""The target's neighbour set: which films, how far, with which findings, and their pixels."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.errors import UserError
from cxrneighbors.explain.films import Film, FilmReader
from cxrneighbors.index.neighbor_index import NeighborIndex

DISTANCES = ("distance", "image_distance", "report_distance")
COLUMNS = ("rank", "neighbor_id", *DISTANCES, "findings")


@dataclass(frozen=True)
class NeighbourSet:
    """K neighbours, nearest first. `table`: `COLUMNS`, one row each; `films`: their pixels."""

    table: pd.DataFrame
    films: tuple[Film, ...]

    def pixels(self) -> np.ndarray:
        """float32 (K, C, H, W)."""
        return np.stack([film.pixels for film in self.films])


@dataclass(frozen=True)
class Neighbourhood:
    """Where neighbours come from: the index, K, and how they are chosen, as in `NeighborIndex.search`.

    `policy`: None is the method's usual one. `one_per`: 'patient', so that K neighbours are K people's.
    """

    index: NeighborIndex
    k: int = 5
    policy: str | None = None
    modality: str = "image"
    where: str | None = None
    include_same_patient: bool = False
    one_per: str = "patient"

    def __post_init__(self) -> None:
        if self.k < 1:
            raise UserError(f"k {self.k}: an explanation from neighbours needs at least 1")

    def settings(self) -> dict[str, Any]:
        """What an explanation records of it."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "index"}

    def find(self, target: Film, reader: FilmReader, seed: int = 0) -> NeighbourSet:
        """The neighbour set of `target`, films read by `reader`; `seed`: of policies that draw.

        Raises `UserError` when there are fewer than K neighbours, or one has no pixels or another shape.
        """
        hits = self.search(target, seed)
        films = [reader.read(image_id) for image_id in hits["neighbor_id"]]
        table = hits.assign(findings=pd.Series([list(film.findings) for film in films], dtype=object))
        return NeighbourSet(table[list(COLUMNS)], tuple(_fitting(film, target) for film in films))

    def search(self, target: Film, seed: int = 0) -> pd.DataFrame:
        """What `NeighborIndex.search` finds for `target`; a `UserError` when there are fewer than K."""
        outside = target.path or (target.pixels.mean(axis=0) if target.whole is None else target.whole)
        return self.index.search(
            target.image_id,
            image=outside if target.image_id is None else None,
            text=None if self.modality == "image" else target.text,
            patient_id=target.patient_id,
            k=self.k,
            where=self.where,
            modality=self.modality,
            policy=self.policy or "nearest",
            include_same_patient=self.include_same_patient,
            one_per=self.one_per,
            seed=seed,
        )


def neighbour_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """`COLUMNS` of rows as JSON has them; a distance that is None is NaN."""
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(DISTANCES, np.float32))


def _fitting(film: Film, target: Film) -> Film:
    if film.pixels.shape[1:] != target.pixels.shape[1:]:
        raise UserError(
            f"neighbour {film.image_id!r}: {film.pixels.shape[1:]} pixels where the target has "
            f"{target.pixels.shape[1:]}; give image_size, so that films are brought to one size"
        )
    return replace(film, pixels=np.repeat(film.pixels, len(target.pixels), axis=0))  # grey to target's C
