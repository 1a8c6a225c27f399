"""Queries from outside: image files and free text, encoded by the encoder that made the index's vectors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cxrneighbors.errors import UserError


def check_encoder(encoder: Any, modality: str, manifest: dict[str, Any]) -> None:
    """Refuse an encoder that is not the one of the manifest: name, settings or weights differ."""
    made_by = manifest["modalities"][modality]
    given = {"encoder": encoder.name, "config": encoder.config(), "weights_hash": encoder.weights_hash()}
    for key, label in (("encoder", "name"), ("config", "settings"), ("weights_hash", "weights")):
        if _as_json(given[key]) != _as_json(made_by.get(key)):
            raise UserError(
                f"{modality} encoder {encoder.name!r}: its {label} differ from those of "
                f"{made_by.get('encoder')!r}, which made the index; query with that one or index again"
            )


def _as_json(value: Any) -> str:
    """A manifest comes back from JSON, where a tuple is a list."""
    return json.dumps(value, sort_keys=True)


def encode_images(encoder: Any, files: Sequence[str | Path | np.ndarray]) -> np.ndarray:
    """Image files, or films (H, W) in [0, 1], to vectors: float32 (Q, D). A `UserError` names a bad file."""
    from cxrneighbors.data.pixels import read_pixels, resize

    films = [file if isinstance(file, np.ndarray) else read_pixels(file) for file in files]
    images = [resize(film, encoder.image_size, encoder.aspect)[None] for film in films]
    return np.asarray(encoder.encode(np.stack(images)), dtype=np.float32)


def encode_texts(encoder: Any, texts: Sequence[str]) -> np.ndarray:
    """Free texts to vectors: float32 (Q, D). A blank text raises a `UserError`."""
    for text in texts:
        if not text.strip():
            raise UserError("text: it is blank; give words to search for")
    return np.asarray(encoder.encode(list(texts)), dtype=np.float32)
