"""Encoders whose vectors a trained head has brought into the one space of films and reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cxrneighbors.encoders.base import NOUN, ImageEncoder, TextEncoder, is_image_encoder
from cxrneighbors.encoders.registry import load_encoder_folder
from cxrneighbors.errors import UserError
from cxrneighbors.models import SavedModel, read_config, read_tensors

BASE = "base"  # folder of the encoder underneath
TENSORS = ("mean", "weight")


@dataclass(frozen=True)
class Head:
    """A linear map to directions: mean float32 (D,), weight float32 (D, d)."""

    mean: np.ndarray
    weight: np.ndarray

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (N, D) to float32 (N, d) of length 1: (v - mean) @ weight, normalised."""
        projected = (vectors.astype(np.float64) - self.mean) @ self.weight
        length = np.linalg.norm(projected, axis=1, keepdims=True)
        return np.asarray(projected / np.maximum(length, 1e-12), dtype=np.float32)


class _Projected(SavedModel):
    noun = NOUN

    def __init__(self, base: ImageEncoder | TextEncoder, head: Head, space: str) -> None:
        self.base, self.head, self.space = base, head, space
        self.name = f"{base.name}, shared space"

    @property
    def dim(self) -> int:
        """Length d of a vector."""
        return int(self.head.weight.shape[1])

    def config(self) -> dict[str, Any]:
        """The encoder underneath and the space: the hash of both heads."""
        base = {
            "name": self.base.name,
            "config": self.base.config(),
            "weights_hash": self.base.weights_hash(),
        }
        return {"base": base, "space": self.space}

    def tensors(self) -> dict[str, np.ndarray]:
        """The head."""
        return {"mean": self.head.mean, "weight": self.head.weight}

    def save(self, folder: str | Path) -> None:
        """Write the encoder underneath into `folder`/base, then the head."""
        self.base.save(Path(folder) / BASE)
        super().save(folder)


def _read(folder: str | Path, device: str) -> tuple[ImageEncoder | TextEncoder, Head, str]:
    config = read_config(folder, NOUN)["config"]
    base = load_encoder_folder(Path(folder) / BASE, device)
    if base.weights_hash() != config["base"]["weights_hash"]:
        raise UserError(f"{Path(folder) / BASE}: not the encoder that the head was trained on; index again")
    return base, Head(**read_tensors(folder, NOUN, TENSORS)), config["space"]


class ProjectedImageEncoder(_Projected):
    """An image encoder and the head that brings its vectors near to those of their reports."""

    kind: ClassVar[str] = "projected-image"

    def __init__(self, base: ImageEncoder, head: Head, space: str) -> None:
        super().__init__(base, head, space)
        self.images, self.image_size, self.aspect = base, base.image_size, base.aspect

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encode images float32 (N, 1, H, W) in [0, 1] to vectors float32 (N, d) of length 1."""
        return self.head(self.images.encode(images))

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> ProjectedImageEncoder:
        """Read an encoder that `save` wrote."""
        base, head, space = _read(folder, device)
        if not is_image_encoder(base):
            raise UserError(f"{Path(folder) / BASE}: no image encoder; index again")
        return cls(base, head, space)


class ProjectedReportEncoder(_Projected):
    """A report encoder and the head that brings its vectors near to those of their films."""

    kind: ClassVar[str] = "projected-report"

    def __init__(self, base: TextEncoder, head: Head, space: str) -> None:
        super().__init__(base, head, space)
        self.texts = base

    def encode(self, texts: list[str]) -> np.ndarray:
        """Encode N texts to vectors float32 (N, d) of length 1."""
        return self.head(self.texts.encode(texts))

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> ProjectedReportEncoder:
        """Read an encoder that `save` wrote."""
        base, head, space = _read(folder, device)
        if is_image_encoder(base):
            raise UserError(f"{Path(folder) / BASE}: no report encoder; index again")
        return cls(base, head, space)
