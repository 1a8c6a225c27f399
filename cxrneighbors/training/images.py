"""Training images, held in memory as bytes when they fit, else read from their files for each batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError
from cxrneighbors.progress import say, track

MEMORY_LIMIT = 4 * 2**30  # bytes: 85,000 images of 224 x 224 at one byte a pixel
CHUNK = 512  # images whose floats are in memory at the same time


class MemoryImages(Dataset[Tensor]):
    """Images as uint8 (N, 1, H, W); an item is a batch: n positions -> float32 (n, 1, H, W) in [0, 1]."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = torch.from_numpy(pixels)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, positions: list[int]) -> Tensor:
        return self.pixels[positions].float() / 255

    def read(self, positions: list[int]) -> tuple[Tensor, np.ndarray]:
        """The item, and which of the positions it holds (all): int64 (n,)."""
        return self[positions], np.arange(len(positions))


@dataclass(frozen=True)
class FileImages(Dataset[Tensor]):
    """Image files read when a batch needs them; unreadable ones are left out of their batch."""

    paths: list[str]
    size: int
    aspect: str

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, positions: list[int]) -> Tensor:
        return self.read(positions)[0]

    def read(self, positions: list[int]) -> tuple[Tensor, np.ndarray]:
        """The item of m readable images, and which of the positions they are: int64 (m,)."""
        chosen = [self.paths[position] for position in positions]
        images, kept = load_images(chosen, self.size, self.aspect, skipped=Skipped(), workers=2)
        if not len(kept):
            raise UserError(
                f"{chosen[0]}: cannot be read, nor can the rest of its batch; import the images again"
            )
        return torch.from_numpy(images), kept


def read_images(
    paths: Sequence[str],
    size: int,
    aspect: str,
    skipped: Skipped | None = None,
    names: Sequence[str] | None = None,
) -> tuple[MemoryImages, np.ndarray]:
    """Read image files into memory, and for each image, int64 (M,), its position in `paths`.

    `size`, `aspect`, `skipped`, `names`: as in `data.pixels.load_images`. Rounding to bytes moves a pixel by
    at most 1/510, less than the 8-bit files themselves resolve.
    """
    pixels = np.empty((len(paths), 1, size, size), np.uint8)
    kept = [np.zeros(0, np.int64)]
    n = 0
    for images, positions in _chunks(paths, size, aspect, skipped, names):
        pixels[n : n + len(images)] = images
        kept.append(positions)
        n += len(images)
    return MemoryImages(pixels[:n]), np.concatenate(kept)


def survey_images(
    paths: Sequence[str],
    size: int,
    aspect: str,
    skipped: Skipped | None = None,
    names: Sequence[str] | None = None,
) -> tuple[FileImages, np.ndarray, list[str]]:
    """Read image files once and keep none: the readable ones as batches, their positions in `paths`, int64
    (M,), and the SHA-256 of each one's bytes.

    Arguments as in `read_images`.
    """
    kept, digests = [np.zeros(0, np.int64)], list[str]()
    for images, positions in _chunks(paths, size, aspect, skipped, names):
        kept.append(positions)
        digests += pixel_digests(images)
    chosen = np.concatenate(kept)
    return FileImages([paths[position] for position in chosen], size, aspect), chosen, digests


def pixel_digests(pixels: np.ndarray) -> list[str]:
    """SHA-256 of each of N images, uint8 (N, 1, H, W), as 64 hex digits."""
    return [hashlib.sha256(image.tobytes()).hexdigest() for image in pixels]


def fit_in_memory(n: int, size: int, memory_limit: int = MEMORY_LIMIT) -> bool:
    """Whether n images (size, size) of a byte a pixel take at most `memory_limit` bytes; tells where not."""
    if n * size * size <= memory_limit:
        return True
    say(f"{n} images do not fit into {memory_limit / 2**30:.1f} GiB; reading them for each batch")
    return False


def open_images(
    paths: Sequence[str], size: int, aspect: str, memory_limit: int = MEMORY_LIMIT
) -> MemoryImages | FileImages:
    """Image files as batches, held in memory up to `memory_limit` bytes; unreadable ones are left out."""
    return open_readable(paths, size, aspect, memory_limit)[0]


def open_readable(
    paths: Sequence[str], size: int, aspect: str, memory_limit: int = MEMORY_LIMIT
) -> tuple[MemoryImages | FileImages, np.ndarray]:
    """As `open_images`, and for each item, int64 (M,), its position in `paths`.

    Files that are not held in memory are all items, readable or not.
    """
    if not fit_in_memory(len(paths), size, memory_limit):
        return FileImages(list(paths), size, aspect), np.arange(len(paths))
    skipped = Skipped()
    found = read_images(paths, size, aspect, skipped)
    if len(skipped):
        say(f"training without {skipped.summary()}")
    return found


def _chunks(
    paths: Sequence[str], size: int, aspect: str, skipped: Skipped | None, names: Sequence[str] | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Images uint8 (m, 1, size, size) and their positions in `paths`, a chunk at a time."""
    for start in track(range(0, len(paths), CHUNK), "reading images"):
        part = slice(start, start + CHUNK)
        images, positions = load_images(
            paths[part], size, aspect, skipped, names=None if names is None else names[part]
        )
        yield to_bytes(images), positions + start


def to_bytes(images: np.ndarray) -> np.ndarray:
    """Round images in [0, 1] to uint8, 255 for 1.0.

    >>> to_bytes(np.array([0.0, 0.5, 1.0], dtype=np.float32)).tolist()
    [0, 128, 255]
    """
    rounded: np.ndarray = np.rint(np.clip(images, 0, 1) * np.float32(255)).astype(np.uint8)
    return rounded
