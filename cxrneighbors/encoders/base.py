"""What encoders are: the nouns of this package's first half."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from cxrneighbors.data.pixels import resize
from cxrneighbors.data.schema import has_text
from cxrneighbors.errors import UserError

if TYPE_CHECKING:
    from typing_extensions import TypeIs

NOUN = "encoder"  # what config.json calls it
MODALITIES = ("image", "report")


@runtime_checkable
class Encoder(Protocol):
    """Turns films or reports into vectors whose Euclidean distance says how alike two of them are."""

    @property
    def name(self) -> str:
        """What manifests call it."""

    @property
    def dim(self) -> int:
        """Length D of a vector."""

    def config(self) -> dict[str, Any]:
        """Constructor arguments, as JSON."""

    def weights_hash(self) -> str:
        """SHA-256 of the weights as 64 hex digits, '' if there are none."""

    def save(self, folder: str | Path) -> None:
        """Write config.json and the weights into `folder`."""


@runtime_checkable
class ImageEncoder(Encoder, Protocol):
    """An encoder of films.

    `image_size` and `aspect`: how `data.pixels.load_images` has to read files for it, unless it prepares them
    itself (`PreparesFilms`; its aspect is 'own'). Exposure is a nuisance
    between films, so each encoder standardises it itself (`encoders.exposure`); callers pass pixels as they
    are read.
    """

    @property
    def image_size(self) -> int:
        """Pixels a side of what it takes."""

    @property
    def aspect(self) -> str:
        """How films are made square: 'pad', 'crop', or 'own'."""

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encode images float32 (N, 1, H, W) in [0, 1] to vectors float32 (N, D)."""


@runtime_checkable
class PreparesFilms(Protocol):
    """An image encoder that brings films to size itself, as a published model's image processor does."""

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """A film float32 (H, W) in [0, 1] as read to float32 (1, image_size, image_size) in [0, 1]."""


@runtime_checkable
class TextEncoder(Encoder, Protocol):
    """An encoder of report texts."""

    def encode(self, texts: list[str]) -> np.ndarray:
        """Encode N texts to vectors float32 (N, D)."""


@runtime_checkable
class Fittable(Protocol):
    """An encoder that learns from a study table before it encodes."""

    @property
    def name(self) -> str:
        """What manifests call it."""

    @property
    def fitted(self) -> bool:
        """Whether it has learned."""

    def fit_hash(self, studies: pd.DataFrame) -> str:
        """Hash of what `fit(studies)` would learn from."""

    def fit(self, studies: pd.DataFrame, /) -> object:
        """Learn from the rows of split 'train' (all rows if there are none)."""


def is_image_encoder(encoder: Encoder) -> TypeIs[ImageEncoder]:
    """Whether an encoder is one of films; asks for no property that loads a network, as isinstance would."""
    return hasattr(encoder, "image_size")


def film_preparation(encoder: ImageEncoder) -> Callable[[np.ndarray], np.ndarray]:
    """How films are brought to what `encoder` takes: float32 (H, W) to (1, image_size, image_size)."""
    if isinstance(encoder, PreparesFilms):
        return encoder.prepare
    return lambda pixels: resize(pixels, encoder.image_size, encoder.aspect)[None]


def check_fitted(encoder: Fittable) -> None:
    """Raise `UserError` unless an encoder has learned: there is nothing to encode with, nothing to save."""
    if not encoder.fitted:
        raise UserError(
            f"encoder {encoder.name!r}: not fitted, so there is nothing to save or to encode with; "
            "call fit(studies) or load a fitted one"
        )


def check_images(images: np.ndarray) -> np.ndarray:
    """Return `images` as float32; raise ValueError unless they are (N, 1, H, W)."""
    images = np.asarray(images, dtype=np.float32)
    if images.ndim != 4 or images.shape[1] != 1:
        raise ValueError(f"images must be float32 (N, 1, H, W) in [0, 1], got shape {images.shape}")
    return images


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Rows of float32 (N, D) divided by their lengths, so that Euclidean distance ranks as the cosine does.

    A row of zeros stays.

    >>> unit_length(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1), np.float32)


def hash_strings(values: list[str]) -> str:
    """SHA-256 over a list of strings, order and borders included."""
    return hashlib.sha256(json.dumps(values).encode("utf-8")).hexdigest()


def fitting_rows(studies: pd.DataFrame, column: str) -> pd.DataFrame:
    """Rows to fit on: those that have `column` ('path' or 'report'), of split 'train' if there are any."""
    rows = studies[has_text(studies[column])]
    train = rows[rows["split"] == "train"]
    return train if len(train) else rows
