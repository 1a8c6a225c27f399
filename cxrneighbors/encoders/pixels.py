"""Pixel baseline: a small standardised picture, flattened."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cxrneighbors.encoders.base import NOUN, check_images
from cxrneighbors.encoders.exposure import flat_standardised
from cxrneighbors.models import SavedModel, build_model


class PixelEncoder(SavedModel):
    """Standardised pixels at `image_size` x `image_size` (32 x 32 by default: D = 1024).

    The baseline of "distance in image space" that the paper (section 3.3.1) moves away from for its
    dimensionality. Vectors are float32 (N, image_size ** 2), each of mean 0 and standard deviation 1.
    """

    noun = NOUN
    name = "pixels"

    def __init__(self, image_size: int = 32, aspect: str = "pad") -> None:
        self.image_size = image_size
        self.aspect = aspect

    @property
    def dim(self) -> int:
        """Length of a vector: image_size squared."""
        return self.image_size**2

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encode images float32 (N, 1, H, W) in [0, 1], H and W >= image_size, to float32 (N, D)."""
        if not len(check_images(images)):
            return np.zeros((0, self.dim), np.float32)
        return flat_standardised(images, self.image_size)

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> PixelEncoder:
        """Read an encoder that `save` wrote; it runs on the CPU whatever the device."""
        return build_model(cls, folder, NOUN)
