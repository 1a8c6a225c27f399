"""Neighbours by an encoder of `encoders.py`: learned, encoded, searched, kept, with the seconds it took."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.kept import kept, read_kept
from cxrneighbors.encoders.base import ImageEncoder, hash_strings
from cxrneighbors.encoders.encode import encode
from cxrneighbors.errors import UserError
from cxrneighbors.evaluation.retrieval import AP_DEPTH
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say
from cxrneighbors.statistics.dyadic import NEXT
from encoder_auroc import auroc_of_findings
from encoder_films import DATA_SETS, MAIN, Fit, within_codes
from encoder_rows import ROWS, Settings

SEARCHES = ("overall", "patients", "within")


@dataclass(frozen=True)
class Keeper:
    """Neighbours in `folder`: read back, or made where `making`; with `anew` made even where they are kept.

    k: neighbours that are scored.
    """

    folder: Path
    settings: Settings
    k: int
    making: frozenset[str]
    anew: bool = False

    @property
    def depth(self) -> int:
        """Ranks that scores look at."""
        return max(self.k + NEXT, AP_DEPTH)

    def find(self, name: str, fit: Fit) -> dict[str, Any] | None:
        """Of encoder `name` learned and scored as `fit` says; None where it is neither kept nor made.

        dim, config, fit_seconds (see `Clock`); scored: by table, overall and within, int (N, depth) ranked
        rows, -1 for none, encode_seconds for 1,000 films, and auroc (`auroc_of_findings`).
        """
        path = self._path(name, fit)
        asked = self._asked(name, fit)
        if name not in self.making:
            return read_kept(path, asked)
        if self.anew:
            path.unlink(missing_ok=True)
        found: dict[str, Any] = kept(path, asked, lambda: self._make(name, fit))
        return found

    def _path(self, name: str, fit: Fit) -> Path:
        return self.folder / fit.name / f"{name}.json"

    def _asked(self, name: str, fit: Fit) -> dict[str, Any]:
        scored = {table: _hash(films) for table, films in fit.scored.items()}
        options = {option: getattr(self.settings, option) for option in ROWS[name].options}
        return {
            "options": options,
            "learned": _hash(fit.learned),
            "scored": scored,
            "depth": self.depth,
            "searches": SEARCHES,
        }

    def _make(self, name: str, fit: Fit) -> dict[str, Any]:
        parts = [read_kept(self._path(part, fit), self._asked(part, fit)) for part in ROWS[name].parts]
        say(f"{fit.name}: {name} learns from {len(fit.learned)} films")
        clock = Clock()
        encoder = ROWS[name].make(
            fit.learned, replace(self.settings, models=self.folder / (fit.models or fit.name))
        )
        seconds = np.sum([clock.seconds(), *(part["fit_seconds"] for part in parts if part)], axis=0)
        scored = {table: self._search(encoder, films, table) for table, films in fit.scored.items()}
        about = {"dim": encoder.dim, "config": encoder.config(), "fit_seconds": seconds}
        return {**about, "scored": scored}

    def _search(self, encoder: ImageEncoder, films: pd.DataFrame, table: str) -> dict[str, Any]:
        clock = Clock()
        embeddings = encode(films, image=encoder, device=self.settings.device)
        seconds = [1000 * each / len(films) for each in clock.seconds()]
        if len(embeddings.ids["image"]) < len(films):
            raise UserError(
                f"{table}: films that cannot be read; remove them, so that all encoders search alike"
            )
        index = NeighborIndex.build(embeddings, films, backend="exact")
        data_set = table if table in DATA_SETS else MAIN
        everyone = np.zeros(len(films), dtype=np.int64)
        return {
            "encode_seconds": seconds,
            "auroc": auroc_of_findings(encoder, films),
            "overall": ranked(index, everyone, self.depth),
            "patients": ranked(index, everyone, self.depth, "patient"),
            "within": ranked(index, within_codes(films, data_set), self.depth),
        }


class Clock:
    """Seconds since it was made: of the wall clock, and of the processor (all threads; not the GPU's)."""

    def __init__(self) -> None:
        self._started = time.perf_counter(), time.process_time()

    def seconds(self) -> list[float]:
        """[wall, processor]; on a busy machine only the second tells encoders apart."""
        now = time.perf_counter(), time.process_time()
        return [after - before for before, after in zip(self._started, now, strict=True)]


def ranked(index: NeighborIndex, strata: np.ndarray, depth: int, one_per: str = "image") -> np.ndarray:
    """Nearest films of other patients within each film's stratum: int64 (N, depth), -1 where fewer exist.

    strata: int (N,); films of stratum -1 have no neighbours and are nobody's.
    """
    found = np.full((len(strata), depth), -1, dtype=np.int64)
    for stratum in np.unique(strata[strata >= 0]):
        rows = np.flatnonzero(strata == stratum)
        found[rows], _ = index.neighbors(rows, depth, allowed=strata == stratum, one_per=one_per)
    return found


def pooled(parts: list[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Neighbours in several tables that lie below each other: overall, within int64 (sum of N, depth)."""
    sizes = [len(part["overall"]) for part in parts]
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    result = {}
    for name in SEARCHES:
        rows = [np.array(part[name], dtype=np.int64) for part in parts]
        moved = [np.where(own < 0, -1, own + offset) for own, offset in zip(rows, offsets, strict=True)]
        result[name] = np.concatenate(moved)
    return result


def _hash(films: pd.DataFrame) -> str:
    return hash_strings([*films["image_id"], *films["patient_id"], *films["path"]])
