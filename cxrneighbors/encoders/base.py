"""What every encoder offers, and the folder in which one is stored."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from cxrneighbors.data.schema import has_text
from cxrneighbors.errors import UserError
from cxrneighbors.files import atomic_path, read_json, write_json_atomic

FORMAT = 1
MODALITIES = ("image", "report")


@runtime_checkable
class ImageEncoder(Protocol):
    """Turns images into vectors whose Euclidean distance says how alike two films look.

    `name`: what manifests call it; `dim`: D; `image_size` and `aspect`: how `data.pixels.load_images` has to
    read files for it. Exposure is a nuisance between films, so each encoder standardises it itself
    (`encoders.exposure`); callers pass pixels as they are read.
    """

    name: str
    image_size: int
    aspect: str

    @property
    def dim(self) -> int:
        """Length D of a vector."""

    def config(self) -> dict[str, Any]:
        """Constructor arguments, as JSON."""

    def weights_hash(self) -> str:
        """SHA-256 of the weights as 64 hex digits, '' if there are none."""

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encode images float32 (N, 1, H, W) in [0, 1] to vectors float32 (N, D)."""

    def save(self, folder: str | Path) -> None:
        """Write config.json and the weights into `folder`."""


@runtime_checkable
class TextEncoder(Protocol):
    """Turns report texts into vectors whose Euclidean distance says how alike two reports read."""

    name: str

    @property
    def dim(self) -> int:
        """Length D of a vector."""

    def config(self) -> dict[str, Any]:
        """Constructor arguments, as JSON."""

    def weights_hash(self) -> str:
        """SHA-256 of the weights as 64 hex digits, '' if there are none."""

    def encode(self, texts: list[str]) -> np.ndarray:
        """Encode N texts to vectors float32 (N, D)."""

    def save(self, folder: str | Path) -> None:
        """Write config.json and the weights into `folder`."""


def check_images(images: np.ndarray) -> np.ndarray:
    """Return `images` as float32; raise ValueError unless they are (N, 1, H, W)."""
    images = np.asarray(images, dtype=np.float32)
    if images.ndim != 4 or images.shape[1] != 1:
        raise ValueError(f"images must be float32 (N, 1, H, W) in [0, 1], got shape {images.shape}")
    return images


def hash_tensors(tensors: dict[str, np.ndarray]) -> str:
    """SHA-256 over names, dtypes, shapes and values of `tensors`, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        digest.update(f"{name}|{array.dtype}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def hash_strings(values: list[str]) -> str:
    """SHA-256 over a list of strings, order and borders included."""
    return hashlib.sha256(json.dumps(values).encode("utf-8")).hexdigest()


def save_encoder(
    folder: str | Path, kind: str, config: dict[str, Any], tensors: dict[str, np.ndarray]
) -> None:
    """Write an encoder: model.safetensors (when it has weights), then config.json, each in one step."""
    from safetensors.numpy import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if tensors:
        with atomic_path(folder / "model.safetensors") as temporary:
            save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, temporary)
    settings = {"format": FORMAT, "encoder": kind, "weights_hash": hash_tensors(tensors) if tensors else ""}
    write_json_atomic(folder / "config.json", {**settings, "config": config})


def read_config(folder: str | Path) -> dict[str, Any]:
    """Read and check an encoder folder's config.json: keys `encoder`, `config`, `weights_hash`."""
    path = Path(folder) / "config.json"
    settings = read_json(path, remedy="give a folder that an encoder was saved to")
    if not isinstance(settings, dict) or not {"encoder", "config"} <= set(settings):
        raise UserError(f"{path}: not an encoder of this package; give a folder that an encoder was saved to")
    if settings.get("format") != FORMAT:
        raise UserError(
            f"{path}: format {settings.get('format')!r}, this version reads {FORMAT}; save the encoder again"
        )
    return settings


def read_tensors(folder: str | Path, expected: tuple[str, ...] | None = None) -> dict[str, np.ndarray]:
    """Read model.safetensors of an encoder folder and check it against the hash in config.json."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = Path(folder) / "model.safetensors"
    remedy = "fit or train the encoder again"
    try:
        # Copied: the arrays point into the file's bytes, at any alignment.
        tensors = {name: np.array(array) for name, array in load_file(path).items()}
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; {remedy}") from None
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: cannot be read ({error}); {remedy}") from None
    if expected is not None and set(tensors) != set(expected):
        raise UserError(f"{path}: holds {sorted(tensors)}, expected {sorted(expected)}; {remedy}")
    if hash_tensors(tensors) != read_config(folder).get("weights_hash"):
        raise UserError(f"{path}: does not fit config.json beside it (a changed file); {remedy}")
    return tensors


def build(cls: Any, folder: str | Path, **options: Any) -> Any:
    """Construct `cls(**config)` from a folder's config.json; an unknown setting becomes a UserError."""
    settings = read_config(folder)
    try:
        return cls(**settings["config"], **options)
    except TypeError as error:
        raise UserError(
            f"{Path(folder) / 'config.json'}: {error}; save the encoder again with this version"
        ) from None


def fitting_rows(studies: pd.DataFrame, column: str) -> pd.DataFrame:
    """Rows to fit on: those that have `column` ('path' or 'report'), of split 'train' if there are any."""
    rows = studies[has_text(studies[column])]
    train = rows[rows["split"] == "train"]
    return train if len(train) else rows
