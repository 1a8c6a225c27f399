"""Images of a study table held in memory as bytes, for training loops that pass over them many times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.progress import track

CHUNK = 512


@dataclass(frozen=True)
class ImageCache:
    """Decoded, resized images as bytes: a quarter of the memory of float32, and no decoding per epoch.

    `pixels`: uint8 (M, 1, H, W), 255 where an image is 1.0. `kept`: int64 (M,), for each image its position
    in the list of paths it was read from; unreadable files are absent.
    """

    pixels: np.ndarray
    kept: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)

    def floats(self, positions: np.ndarray) -> np.ndarray:
        """Images at `positions` (int (B,), into `pixels`) as float32 (B, 1, H, W) in [0, 1]."""
        return to_floats(self.pixels[positions])


def load_image_cache(
    paths: Sequence[str | Path | None],
    size: int,
    aspect: str = "pad",
    skipped: Skipped | None = None,
    names: Sequence[str] | None = None,
) -> ImageCache:
    """Read image files into an `ImageCache`, a few hundred at a time so that floats never fill the memory.

    `size`, `aspect`, `skipped`, `names`: as in `data.pixels.load_images`. Rounding to bytes moves a
    pixel by at most 1/510, less than the 8-bit files themselves resolve.
    """
    paths = list(paths)
    blocks, kept = [], []
    for start in track(range(0, len(paths), CHUNK), "reading images"):
        part = slice(start, start + CHUNK)
        called = None if names is None else names[part]
        images, positions = load_images(paths[part], size, aspect, skipped, names=called)
        blocks.append(to_bytes(images))
        kept.append(positions + start)
    if not blocks:
        return ImageCache(np.zeros((0, 1, size, size), dtype=np.uint8), np.zeros(0, dtype=np.int64))
    return ImageCache(np.concatenate(blocks), np.concatenate(kept))


def to_bytes(images: np.ndarray) -> np.ndarray:
    """Round images in [0, 1] to uint8, 255 for 1.0.

    >>> to_bytes(np.array([0.0, 0.5, 1.0], dtype=np.float32)).tolist()
    [0, 128, 255]
    """
    return np.clip(np.rint(images * np.float32(255)), 0, 255).astype(np.uint8)


def to_floats(pixels: np.ndarray) -> np.ndarray:
    """The inverse of `to_bytes`: uint8 to float32 in [0, 1]."""
    return pixels.astype(np.float32) / np.float32(255)
