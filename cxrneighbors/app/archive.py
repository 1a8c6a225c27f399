"""What the explorer shows, read-only: a loaded index with its films, and folders made with it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.app.query import Query
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex


@dataclass(frozen=True)
class Film:
    """A film as the page tells of it; None and NaN where the study table says nothing. No path."""

    image_id: str
    patient: str
    study: str
    view: str
    sex: str | None
    age: float
    findings: tuple[str, ...]
    report: str | None
    dataset: str

    @classmethod
    def of(cls, row: pd.Series) -> Film:
        """A row of a study table."""
        return cls(
            image_id=row["image_id"],
            patient=row["patient_id"],
            study=row["study_id"],
            view=row["view"],
            sex=row["sex"] if isinstance(row["sex"], str) else None,
            age=float(row["age"]),
            findings=tuple(row["findings"]),
            report=row["report"] if isinstance(row["report"], str) and row["report"].strip() else None,
            dataset=row["dataset"],
        )


@dataclass
class Archive:
    """An index of N films, and where there are such: the folder of a classifier, of an evaluation.

    Every method may be called by several threads; searches wait for each other.
    """

    index: NeighborIndex
    classifier: Path | None = None
    evaluation: Path | None = None
    name: str = "index"
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def open(
        cls, folder: str | Path, classifier: str | Path | None = None, evaluation: str | Path | None = None
    ) -> Archive:
        """Load an index folder; a `UserError` names what is missing or of another kind."""
        folder = Path(folder)
        given = (None if path is None else Path(path) for path in (classifier, evaluation))
        return cls(NeighborIndex.load(folder), *given, name=folder.resolve().name)

    @property
    def studies(self) -> pd.DataFrame:
        """The study table, a row a film."""
        return self.index.studies

    def row(self, image_id: str) -> int:
        """The row of a film; a `UserError` for an unknown id."""
        return int(self.index.store.rows_of([image_id])[0])

    def film(self, image_id: str) -> Film:
        """What is known of a film; a `UserError` for an unknown id."""
        return Film.of(self.studies.iloc[self.row(image_id)])

    def pixels(self, image_id: str) -> np.ndarray:
        """The film, float32 (H, W) in [0, 1]. A `UserError` tells of the film by its id alone."""
        path = self.studies["path"].iloc[self.row(image_id)]
        try:
            if isinstance(path, str):
                return read_pixels(path)
        except UserError:
            pass
        raise UserError(f"image {image_id!r}: its file cannot be read any more")

    def search(self, query: Query) -> Any:
        """Neighbours of each target of a query."""
        with self._lock:
            return self.index.search(list(query.image_ids), k=query.k, where=query.filter())
