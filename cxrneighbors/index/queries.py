"""What a user searches by, whatever its kind: vectors, the row of a film that is indexed, and the patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cxrneighbors.errors import UserError
from cxrneighbors.index.encoder_source import EncoderSource
from cxrneighbors.index.fusion import CROSS_MODALITIES
from cxrneighbors.index.query_encoding import Film, encode_images, encode_texts, known_rows
from cxrneighbors.index.query_kinds import check_kinds
from cxrneighbors.index.vector_store import VectorStore


@dataclass(frozen=True)
class Queries:
    """Q queries; `names`: object (Q,), what tables of hits call them.

    `vectors`: float32 (Q, D) per modality that the queries bring; a line of NaN where one query has none.
    `rows`, `patients`: int64 (Q,), the query's own row and the number of its patient, -1 where not known.
    """

    names: np.ndarray
    vectors: dict[str, np.ndarray]
    rows: np.ndarray
    patients: np.ndarray

    def has(self, modality: str) -> np.ndarray:
        """Which queries have a vector in 'image' or 'report': bool (Q,)."""
        if modality not in self.vectors:
            return np.zeros(len(self.rows), dtype=bool)
        return np.asarray(~np.isnan(self.vectors[modality]).any(axis=1))

    def take(self, which: np.ndarray | slice) -> Queries:
        """The queries at positions `which`, in that order."""
        vectors = {name: values[which] for name, values in self.vectors.items()}
        return Queries(self.names[which], vectors, self.rows[which], self.patients[which])


def across(queries: Queries, modality: str) -> tuple[Queries, str]:
    """Queries whose vector in one modality stands for the other (`CROSS_MODALITIES`); that other one."""
    source, target = CROSS_MODALITIES[modality]
    if not (able := queries.has(source)).all():
        raise UserError(f"query {queries.names[np.argmin(able)]!r}: it has no {source} for {modality}")
    return Queries(queries.names, {target: queries.vectors[source]}, queries.rows, queries.patients), target


def indexed_queries(store: VectorStore, rows: np.ndarray) -> Queries:
    """Indexed rows int64 (Q,) as queries, called by their image ids."""
    names = store.studies["image_id"].to_numpy(dtype=object)[rows]
    return Queries(names, store.row_vectors(rows), rows, store.patients[rows])


def read_queries(
    store: VectorStore,
    encoders: EncoderSource,
    image_ids: str | Sequence[str] | None = None,
    image: Film | Sequence[Film] | None = None,
    text: str | Sequence[str | None] | None = None,
    patient_id: str | Sequence[str] | None = None,
) -> Queries:
    """Queries from image ids or films, each with a text or without, or from texts.

    A text that is None or empty beside an image is none: that query has no report.

    `patient_id`: whom films and texts from outside belong to, one for all or one each. A film that the index
    holds, by its pixels, is known with its row and patient.
    """
    check_kinds(image_ids, image, text, patient_id)
    ids, films, texts = listed(image_ids), listed(image), listed(text)
    if ids is not None and films is not None:
        raise UserError("search: both image ids and image files are given; give one of them")
    if ids is not None and patient_id is not None:
        raise UserError("patient_id: the index knows the patients of its images; leave it out")
    given = next((values for values in (ids, films, texts) if values is not None), None)
    if given is None:
        raise UserError("search: there is no query; give an image id, an image file, or a text")
    if not given:
        raise UserError("search: the list of queries is empty; give at least one")
    if texts is not None and len(given) != len(texts):
        raise UserError(f"search: {len(texts)} texts for {len(given)} images; give one text for each image")
    if ids is not None:
        queries = indexed_queries(store, store.rows_of(ids))
    else:
        rows = np.full(len(given), -1, dtype=np.int64)
        kind = "text" if films is None else "image"
        queries = Queries(_names(given, kind), {}, rows, _patients(store, patient_id, len(given)))
    if films is not None:
        queries.vectors["image"] = encode_images(encoders.get("image"), films)
        _add_known_films(store, queries, films)
    if texts is not None:
        queries.vectors["report"] = encode_texts(encoders.get("report"), texts, given is not texts)
    return queries


def _names(given: list[Any], kind: str) -> np.ndarray:
    """Files by their names, what else there is by number."""
    names = [f"{kind} {number}" for number in range(1, len(given) + 1)]
    if kind == "image":
        names = [str(v) if isinstance(v, str | Path) else name for v, name in zip(given, names, strict=True)]
    return np.array(names, dtype=object)


def _patients(store: VectorStore, patient_id: str | Sequence[str] | None, n_queries: int) -> np.ndarray:
    """Numbers of the patients called 'id' or 'dataset:id': int64 (Q,), -1 throughout for None."""
    if patient_id is None:
        return np.full(n_queries, -1, dtype=np.int64)
    given = [patient_id] * n_queries if isinstance(patient_id, str) else list(patient_id)
    if len(given) != n_queries:
        raise UserError(
            f"patient_id: {len(given)} patients for {n_queries} queries; give one for all, or one each"
        )
    number = {name: _patient(store, name) for name in dict.fromkeys(given)}
    return np.array([number[name] for name in given], dtype=np.int64)


def _patient(store: VectorStore, name: str) -> int:
    people = store.studies[["dataset", "patient_id"]].assign(number=store.patients).drop_duplicates()
    full = people["dataset"] + ":" + people["patient_id"]
    found = people[(people["patient_id"] == name) | (full == name)]
    if not len(found):
        raise UserError(f"patient_id {name!r}: no patient of this index; leave it out for a new patient")
    if len(found) > 1:
        known = ", ".join(full[found.index])
        raise UserError(f"patient_id {name!r}: {len(found)} data sets have one; choose one of: {known}")
    return int(found["number"].iloc[0])


def _add_known_films(store: VectorStore, queries: Queries, films: list[Film]) -> None:
    """Fill in row and patient of films that the index holds."""
    rows = known_rows(store, queries.vectors["image"], films)
    for query in np.flatnonzero(rows >= 0):
        film = store.studies.iloc[rows[query]]
        if queries.patients[query] not in (-1, store.patients[rows[query]]):
            raise UserError(
                f"patient_id: {queries.names[query]} is image {film['image_id']!r} of patient "
                f"{film['patient_id']!r} in this index; leave patient_id out"
            )
        queries.rows[query], queries.patients[query] = rows[query], store.patients[rows[query]]


def listed(value: Any) -> list[Any] | None:
    """One query or several as a list; an array of numbers is one film, with four dimensions several."""
    if value is None:
        return None
    if hasattr(value, "detach"):  # a tensor
        value = value.detach().cpu().numpy()
    one_film = isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and value.ndim < 4
    return [value] if one_film or isinstance(value, str | Path | Image.Image) else list(value)
