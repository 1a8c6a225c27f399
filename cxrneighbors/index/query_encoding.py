"""Queries from outside: films and texts encoded as the index's own, and films that it holds already."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from cxrneighbors.arguments import a_thing
from cxrneighbors.data.pixels import BROKEN, read_pixels, to_grey
from cxrneighbors.encoders.base import ImageEncoder, TextEncoder, film_preparation
from cxrneighbors.errors import UserError
from cxrneighbors.index.candidates import exact_candidates
from cxrneighbors.index.filters import Admission
from cxrneighbors.index.request import Request, rank
from cxrneighbors.index.vector_store import VectorStore
from cxrneighbors.progress import say

# A copy is looked for among this many nearest films, up to this distance (in σ): the last digits of a vector
# depend on device and batch. The pixels decide.
NEAREST = 8
NEAR = 0.05
Film = str | Path | np.ndarray | Image.Image


def film_pixels(film: Film) -> np.ndarray:
    """Pixels float32 (H, W) in [0, 1] of a file, an array (H, W) or (1, H, W) in [0, 1], or a PIL image.

    Raises `UserError` for an unreadable file or image, and for an array of another shape or range.
    """
    if isinstance(film, str | Path):
        return read_pixels(film)
    if isinstance(film, Image.Image):
        try:
            return to_grey(film)
        except BROKEN as error:
            raise UserError(f"image: cannot be read ({error}); give it as 8 or 16 bit grey") from None
    try:
        pixels = np.asarray(film, dtype=np.float32)
    except (TypeError, ValueError):
        raise UserError(f"image: {a_thing(film)}; give a file, an array in [0, 1] or a PIL image") from None
    pixels = pixels[0] if pixels.ndim == 3 and len(pixels) == 1 else pixels
    if pixels.ndim != 2 or not pixels.size:
        raise UserError(f"image: shape {np.shape(film)}; give (H, W) or (1, H, W) with values in [0, 1]")
    if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
        raise UserError("image: its values must lie in [0, 1]; divide 8-bit pixels by 255")
    return pixels


def encode_images(encoder: ImageEncoder, films: Sequence[Film]) -> np.ndarray:
    """Films to vectors: float32 (Q, D); see `film_pixels`."""
    prepare = film_preparation(encoder)
    images = np.stack([prepare(film_pixels(film)) for film in films])
    return np.asarray(encoder.encode(images), dtype=np.float32)


def encode_texts(encoder: TextEncoder, texts: Sequence[str | None], optional: bool = False) -> np.ndarray:
    """Free texts to vectors: float32 (Q, D). A blank one raises a `UserError`, or is NaN if `optional`."""
    there = np.array([bool(text and text.strip()) for text in texts])
    if not there.all() and not optional:
        raise UserError("text: it is blank; give words to search for")
    if not there.any():
        return np.full((len(texts), 1), np.nan, dtype=np.float32)
    found = np.asarray(encoder.encode([text for text in texts if text and text.strip()]), dtype=np.float32)
    for place in np.flatnonzero(~found.any(axis=1)):
        text = " ".join(str(np.array(texts, dtype=object)[there][place]).split())[:60]
        say(f"note: text {text!r}: the report encoder knows nothing in it; all reports are equally far")
    vectors = np.full((len(texts), found.shape[1]), np.nan, dtype=np.float32)
    vectors[there] = found
    return vectors


def known_rows(store: VectorStore, vectors: np.ndarray, films: Sequence[Film]) -> np.ndarray:
    """Rows of the index that hold `films`, whose image vectors are float32 (Q, D): int64 (Q,), -1 for none.

    A film whose file in the index is gone or unreadable is not known.
    """
    rows = np.full(len(films), -1, dtype=np.int64)
    everyone = Admission(None, np.zeros(len(films), dtype=np.int64), store.patients, rows)
    request = Request(store, {"image": vectors}, NEAREST, "image", store.spaces["image"].factors, everyone)
    hits = rank(request, exact_candidates(request, request.candidates))
    for query, film in enumerate(films):
        near = hits.rows[query][hits.distance[query] <= NEAR]
        rows[query] = next((row for row in near if _is_copy(store.studies["path"][row], film)), -1)
    return rows


def _is_copy(path: str | None, film: Film) -> bool:
    with suppress(UserError):
        return path is not None and np.array_equal(film_pixels(path), film_pixels(film))
    return False
