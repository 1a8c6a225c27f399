"""What the explorer shows, read-only: a loaded index with its films, and folders made with it."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.app.answer import Answer
from cxrneighbors.app.film import Film
from cxrneighbors.app.query import Query
from cxrneighbors.app.searching import Searching
from cxrneighbors.app.suggestions import Suggestions
from cxrneighbors.app.uploads import Uploads
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex


@dataclass
class Archive:
    """An index of N films, and where there are such: the folder of a classifier, of an evaluation.

    Every method may be called by several threads; searches wait for each other.
    """

    index: NeighborIndex
    classifier: Path | None = None
    evaluation: Path | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _loading: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def open(
        cls, folder: str | Path, classifier: str | Path | None = None, evaluation: str | Path | None = None
    ) -> Archive:
        """Load an index folder; a `UserError` names what is missing or of another kind."""
        given = [None if path is None else Path(path) for path in (classifier, evaluation)]
        for path, verb in zip(given, ("train-classifier", "evaluate"), strict=True):
            if path is not None and not path.is_dir():
                raise UserError(f"{path}: no such folder; give one that {verb} wrote")
        return cls(NeighborIndex.load(folder), given[0], given[1])

    @property
    def studies(self) -> pd.DataFrame:
        """The study table, a row a film."""
        return self.index.studies

    @cached_property
    def name(self) -> str:
        """The data sets that the films are of."""
        names = self.studies["dataset"].unique().tolist()
        return ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those of 'image', 'report', 'fused' that can be searched."""
        return self.index.modalities

    @cached_property
    def findings(self) -> tuple[str, ...]:
        """All names of findings, the commonest first."""
        return tuple(self.studies["findings"].explode().dropna().value_counts().index.astype(str))

    @property
    def image_share(self) -> float:
        """The image's weight in the fused distance, as a share of both."""
        weights = self.index.weights
        return weights["image"] / (weights["image"] + weights["report"])

    def row(self, image_id: str) -> int:
        """The row of a film; a `UserError` for an unknown id."""
        return int(self.index.store.rows_of([image_id])[0])

    def film(self, image_id: str) -> Film:
        """What is known of a film; a `UserError` for an unknown id."""
        return Film.of(self.studies.iloc[self.row(image_id)])

    def pixels(self, image_id: str) -> np.ndarray:
        """The film, float32 (H, W) in [0, 1]. A `UserError` tells of it by its id alone, not by its path."""
        path = self.studies["path"].iloc[self.row(image_id)]
        try:
            if isinstance(path, str):
                return read_pixels(path)
        except UserError:
            pass
        raise UserError(f"image {image_id!r}: its file cannot be read any more")

    def suggest(self, text: str, limit: int = 12) -> tuple[list[Film], int]:
        """Films that fit what is being typed (see `Suggestions`): the first ones, and how many there are."""
        rows = self._suggestions.rows(text)
        return [Film.of(self.studies.iloc[row]) for row in rows[:limit]], len(rows)

    def allowed(self, query: Query) -> np.ndarray:
        """Films that pass the query's filters: bool (N,); a `UserError` says what is wrong with them."""
        with self._lock:
            return self._searching.allowed(query)

    def search(self, query: Query, uploads: Uploads) -> list[Answer]:
        """Neighbours of each target of a query. A `UserError` for its filters; what is wrong with one target
        is said in its answer."""
        self.load_encoders(bool(query.uploads), bool(query.text.strip()))
        with self._lock:
            return self._searching.answers(query, uploads)

    def load_encoders(self, image: bool = True, report: bool = True) -> None:
        """Load what encodes uploaded films and words, which takes seconds, while other searches go on.

        One that cannot be loaded is left: the search that needs it says why.
        """
        with self._loading:
            with suppress(UserError):
                if image:
                    self.index.encoders.get("image")
            with suppress(UserError):
                if report:
                    self.index.encoders.get("report")

    @cached_property
    def _suggestions(self) -> Suggestions:
        return Suggestions(self.studies)

    @cached_property
    def _searching(self) -> Searching:
        return Searching(self.index)
