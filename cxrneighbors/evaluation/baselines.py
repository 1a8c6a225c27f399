"""What neighbours are compared with: random and matched draws, simpler encoders, masked reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.schema import has_text
from cxrneighbors.encoders.base import Fittable
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError, choose
from cxrneighbors.evaluation.films import MATCHINGS, match_strata
from cxrneighbors.evaluation.graph import LeftOut, Method, embedding_method
from cxrneighbors.evaluation.sampling import draw_neighbors
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say
from cxrneighbors.statistics.patients import patient_codes, unit_codes
from cxrneighbors.statistics.seeds import generator

RANDOM = ("random", *(f"random-{matching}" for matching in MATCHINGS))
IMAGE_ENCODERS = ("pixels", "pca", "pca-whitened", "pca-centre")
REPORT_ENCODERS = ("tfidf", "report-masked")
BASELINES = (*RANDOM, *IMAGE_ENCODERS, *REPORT_ENCODERS)


def make_baselines(
    index: NeighborIndex,
    names: Sequence[str] | None = None,
    *,
    seed: int = 0,
    train_studies: pd.DataFrame | None = None,
) -> list[Method | LeftOut]:
    """Baselines for `evaluate_overlap`, trained and encoded: those of `names`, all of `BASELINES` by default.

    `seed`: of the random draws. `train_studies`: what image baselines are fitted on; by default the index's
    own training split. Of all, those that cannot be computed come back as `LeftOut`; one that was asked for
    by name is a `UserError`, as is an unknown name.
    """
    if isinstance(names, str):
        raise UserError(f"names: a str; give a list, such as [{names!r}]")
    chosen = BASELINES if names is None else [choose("baseline", name, BASELINES) for name in names]
    methods: list[Method | LeftOut] = []
    for name in dict.fromkeys(chosen):
        try:
            methods.append(_baseline(name, index, seed, train_studies))
        except UserError as reason:
            if names is not None:
                message = f"baseline {name!r}: {reason}; leave it out of the list of baselines"
                raise UserError(message) from None
            methods.append(LeftOut(name, str(reason)))
            say(f"baseline {name} left out: {reason}")
    return methods


def _baseline(name: str, index: NeighborIndex, seed: int, train_studies: pd.DataFrame | None) -> Method:
    if name in RANDOM:
        return _random_method(name, index, seed)
    say(f"baseline {name}: encoding")
    if name in IMAGE_ENCODERS:
        return embedding_method(name, _image_embeddings(name, index, train_studies), index)
    return embedding_method(name, _report_embeddings(name, index), index)


def _random_method(name: str, index: NeighborIndex, seed: int) -> Method:
    n = len(index.studies)
    matching = name.removeprefix("random").removeprefix("-")
    strata = match_strata(index.studies, matching) if matching else np.zeros(n, dtype=np.int64)
    patients = patient_codes(index.studies)

    def search(
        rows: np.ndarray, k: int, *, allowed: np.ndarray, include_same_patient: bool, one_per: str
    ) -> tuple[np.ndarray, np.ndarray]:
        pool = np.flatnonzero(allowed)
        own = np.arange(n) if include_same_patient else patients
        units = unit_codes(index.studies, one_per)[pool]
        rng = generator(seed, "draw", name)
        drawn = draw_neighbors(np.searchsorted(pool, rows), own[pool], strata[pool], units, k, rng)
        return np.where(drawn < 0, -1, pool[drawn]), np.full(drawn.shape, np.nan, dtype=np.float32)

    return Method(name, np.logical_or.reduce([index.has[part] for part in index.has]), search, "random", "")


def _image_embeddings(name: str, index: NeighborIndex, train_studies: pd.DataFrame | None) -> Embeddings:
    from cxrneighbors.encoders.encode import encode
    from cxrneighbors.encoders.registry import load_image_encoder

    if _encoder_name(index, "image") == name:
        raise UserError(f"the index's own image encoder is {name}")
    with_path = np.flatnonzero(has_text(index.studies["path"]))
    # One look at the disk decides; single unreadable files are skipped and listed by `encode`.
    if not any(Path(path).is_file() for path in index.studies["path"].iloc[with_path[:50]]):
        raise UserError("no image files on disk")
    encoder = load_image_encoder(name)
    if train_studies is not None and isinstance(encoder, Fittable) and not encoder.fitted:
        encoder.fit(train_studies)
    return encode(index.studies, image=encoder)


def _report_embeddings(name: str, index: NeighborIndex) -> Embeddings:
    from cxrneighbors.encoders.encode import encode

    if not has_text(index.studies["report"]).any():
        raise UserError("no reports")
    if name == "tfidf":
        if _encoder_name(index, "report") == "tfidf":
            raise UserError("the index's own report encoder is tfidf")
        return encode(index.studies, report="tfidf")
    if index.manifest.get("mask_labels"):
        raise UserError("the index's reports are masked already")
    if "report" not in index.has:
        raise UserError("the index has no report vectors")
    return encode(index.studies, report=index.encoders.get("report"), mask_labels=True)


def _encoder_name(index: NeighborIndex, modality: str) -> str | None:
    name: str | None = index.manifest.get("modalities", {}).get(modality, {}).get("encoder")
    return name
