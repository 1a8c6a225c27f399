"""What neighbours are compared with: random and matched draws, simpler encoders, masked reports."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.data.schema import has_text
from cxrneighbors.errors import UserError, choose
from cxrneighbors.evaluation.graph import Method, Search
from cxrneighbors.evaluation.matching import MATCHINGS
from cxrneighbors.evaluation.sampling import draw_neighbors
from cxrneighbors.evaluation.score import Setting
from cxrneighbors.progress import say
from cxrneighbors.statistics.seeds import generator

RANDOM = ("random", *(f"random-{matching}" for matching in MATCHINGS))
IMAGE_ENCODERS = ("pixels", "pca", "pca-whitened")
REPORT_ENCODERS = ("tfidf", "report-masked")
BASELINES = (*RANDOM, *IMAGE_ENCODERS, *REPORT_ENCODERS)
EXACT_ROWS = 20_000  # up to here a baseline's neighbours are searched exactly, beyond it by graph


class Skip(Exception):
    """A baseline that cannot be computed here; its text says why."""


def index_methods(index: Any, include_same_patient: bool) -> list[Method]:
    """The graphs of a `NeighborIndex`: `image`, `report` and `fused`, those that exist."""
    methods = []
    for modality in index.modalities:
        parts = ("image", "report") if modality == "fused" else (modality,)
        has = np.logical_and.reduce([index.has[part] for part in parts])
        search = _index_search(index, modality, include_same_patient)
        methods.append(Method(modality, has, search, "index", modality))
    return methods


def choose_baselines(baselines: bool | tuple[str, ...]) -> tuple[str, ...]:
    """Names of the baselines asked for: True is all of them, False none; `UserError` for an unknown name."""
    if isinstance(baselines, bool):
        return BASELINES if baselines else ()
    return tuple(dict.fromkeys(choose("baseline", name, BASELINES) for name in baselines))


def baseline_methods(
    index: Any, setting: Setting, baselines: bool | tuple[str, ...], train_studies: pd.DataFrame | None = None
) -> tuple[list[Method], dict[str, str]]:
    """Baselines that can be computed, and for the others the reason: {name: reason}; said on screen too.

    `train_studies`: what image baselines are fitted on; by default the index's own training split.
    With names (instead of True), one that cannot be computed is a `UserError`: it was asked for.
    """
    methods, skipped = [], {}
    for name in choose_baselines(baselines):
        try:
            methods.append(_baseline(name, index, setting, train_studies))
        except Skip as reason:
            if not isinstance(baselines, bool):
                raise UserError(
                    f"baseline {name!r}: {reason}; leave it out of the list of baselines"
                ) from None
            skipped[name] = str(reason)
            say(f"baseline {name} left out: {reason}")
    return methods, skipped


def _baseline(name: str, index: Any, setting: Setting, train_studies: pd.DataFrame | None) -> Method:
    if name in RANDOM:
        return _random_method(name, index, setting)
    say(f"baseline {name}: encoding")
    if name in IMAGE_ENCODERS:
        return _encoder_method(name, "image", _image_embeddings(name, index, train_studies), index, setting)
    return _encoder_method(name, "report", _report_embeddings(name, index), index, setting)


def _random_method(name: str, index: Any, setting: Setting) -> Method:
    n = len(index.studies)
    matching = name.removeprefix("random").removeprefix("-")
    strata = setting.strata[matching] if matching else np.zeros(n, dtype=np.int64)
    own = np.arange(n) if setting.include_same_patient else setting.patients
    has = np.logical_or.reduce([index.has[part] for part in index.has])

    def search(rows: np.ndarray, depth: int, allowed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pool = np.flatnonzero(allowed)
        targets = np.searchsorted(pool, rows)
        rng = generator(setting.seed, "draw", name)
        drawn = draw_neighbors(targets, own[pool], strata[pool], depth, rng)
        return np.where(drawn < 0, -1, pool[drawn]), np.full(drawn.shape, np.nan, dtype=np.float32)

    return Method(name, has, search, "random", "")


def other_methods(index: Any, setting: Setting, others: dict[str, Any]) -> list[Method]:
    """Further embeddings of the index's images as methods: {name: Embeddings}, image vectors first."""
    methods = []
    for name, embeddings in others.items():
        if name in (*BASELINES, *index.modalities):
            raise UserError(f"others: {name!r} is the name of a method already; choose another")
        modality = "image" if "image" in embeddings.vectors else "report"
        methods.append(_encoder_method(name, modality, embeddings, index, setting))
    return methods


def _encoder_method(name: str, modality: str, embeddings: Any, index: Any, setting: Setting) -> Method:
    """Neighbours by other embeddings of the same rows, through an index of their own."""
    backend = "exact" if len(index.studies) <= EXACT_ROWS else "hnsw"
    other = type(index).build(embeddings, index.studies, backend=backend)
    search = _index_search(other, modality, setting.include_same_patient)
    has = other.has[modality] & index.has[modality] if modality in index.has else other.has[modality]
    return Method(name, has, search, "encoder", modality)


def _index_search(index: Any, modality: str, include_same_patient: bool) -> Search:
    neighbors: Callable[..., tuple[np.ndarray, np.ndarray]] = partial(
        index.neighbors, modality=modality, include_same_patient=include_same_patient
    )
    return lambda rows, depth, allowed: neighbors(rows, depth, allowed=allowed)


def _image_embeddings(name: str, index: Any, train_studies: pd.DataFrame | None) -> Any:
    used = _encoder_name(index, "image")
    if used == name:
        raise Skip(f"the index's own image encoder is {name}")
    with_path = np.flatnonzero(has_text(index.studies["path"]))
    # One look at the disk decides; single unreadable files are skipped and listed by `encode`.
    if not any(Path(path).is_file() for path in index.studies["path"].iloc[with_path[:50]]):
        raise Skip("no image files on disk")
    from cxrneighbors.encoders.encode import encode
    from cxrneighbors.encoders.registry import load_image_encoder

    encoder: Any = load_image_encoder(name)
    try:
        if train_studies is not None and not getattr(encoder, "fitted", True):
            encoder.fit(train_studies)
        return encode(index.studies, image=encoder)
    except UserError as error:
        raise Skip(str(error)) from None


def _report_embeddings(name: str, index: Any) -> Any:
    if not has_text(index.studies["report"]).any():
        raise Skip("no reports")
    from cxrneighbors.encoders.encode import encode
    from cxrneighbors.encoders.registry import load_report_encoder

    try:
        if name == "tfidf":
            if _encoder_name(index, "report") == "tfidf":
                raise Skip("the index's own report encoder is tfidf")
            return encode(index.studies, report=load_report_encoder("tfidf"))
        if index.manifest.get("mask_labels"):
            raise Skip("the index's reports are masked already")
        return encode(index.studies, report=_own_report_encoder(index), mask_labels=True)
    except UserError as error:
        raise Skip(str(error)) from None


def _encoder_name(index: Any, modality: str) -> str | None:
    return index.manifest.get("modalities", {}).get(modality, {}).get("encoder")


def _own_report_encoder(index: Any) -> Any:
    """The encoder that made the index's report vectors."""
    if "report" not in index.has:
        raise Skip("the index has no report vectors")
    return index.encoders.get("report")
