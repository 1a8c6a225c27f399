"""Training images for the VAE: which rows, held in memory when they fit, else read batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.schema import has_text
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.encoders.base import check_images
from cxrneighbors.errors import UserError
from cxrneighbors.progress import say, track

MEMORY_LIMIT = 4 * 2**30  # bytes: 85,000 images of 224 x 224 at one byte a pixel
READ_CHUNK = 256


class MemoryImages(Dataset):
    """Images as uint8 (N, 1, S, S); an item is a batch: n positions -> float32 (n, 1, S, S) in [0, 1]."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = torch.from_numpy(pixels)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, positions: list[int]) -> torch.Tensor:
        return self.pixels[positions].float() / 255


class FileImages(Dataset):
    """Image files read when a batch needs them; unreadable ones are left out of their batch."""

    def __init__(self, paths: list[str], size: int, aspect: str) -> None:
        self.paths = paths
        self.size = size
        self.aspect = aspect

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, positions: list[int]) -> torch.Tensor:
        chosen = [self.paths[position] for position in positions]
        images, kept = load_images(chosen, self.size, self.aspect, skipped=Skipped(), workers=2)
        if not len(kept):
            raise UserError(
                f"{chosen[0]}: cannot be read, nor can the rest of its batch; import the images again"
            )
        return torch.from_numpy(images)


class Batches(Sampler):
    """Lists of positions, equally long to within one image; shuffled anew each epoch by (seed, epoch)."""

    def __init__(self, n: int, batch_size: int, seed: int | None) -> None:
        self.n = n
        self.n_batches = max(1, n // batch_size) if seed is not None else -(-n // batch_size)
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this at the start of each epoch, a resumed one included."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[list[int]]:
        order = np.arange(self.n)
        if self.seed is not None:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(self.n)
        for batch in np.array_split(order, self.n_batches):
            yield batch.tolist()


def loader(images: Dataset, batch_size: int, seed: int | None) -> DataLoader:
    """Batches of `images`, shuffled when a seed is given; files are read by two worker processes."""
    workers = 0 if isinstance(images, MemoryImages) else 2
    batches = Batches(len(images), batch_size, seed)  # type: ignore[arg-type]
    # A generator of its own: the loader would draw its workers' seed from the global one otherwise.
    return DataLoader(
        images,
        sampler=batches,
        batch_size=None,
        num_workers=workers,
        persistent_workers=workers > 0,
        generator=torch.Generator(),
    )


def split_rows(studies: pd.DataFrame, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to train and to validate on: splits 'train' and 'val' of rows with pixels, never 'test'.

    Without a 'val' row, the tenth of the training patients whose hash comes first (at least one) validates.
    """
    rows = studies[has_text(studies["path"])]
    train, val = rows[rows["split"] == "train"], rows[rows["split"] == "val"]
    if not len(train):
        raise UserError(
            "study table: no row of split 'train' has a path; a VAE is trained on those, import some"
        )
    if len(val):
        return train, val
    held_out = _tenth(sorted(set(train["patient_id"])), seed)
    is_val = train["patient_id"].isin(held_out)
    return train[~is_val], train[is_val]


def split_array(images: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Nine tenths to train and a tenth to validate on, of images without patients."""
    images = check_images(images)
    held_out = {int(name) for name in _tenth([str(i) for i in range(len(images))], seed)}
    is_val = np.array([i in held_out for i in range(len(images))])
    return images[~is_val], images[is_val]


def open_images(
    source: pd.DataFrame | np.ndarray, size: int, aspect: str, memory_limit: int = MEMORY_LIMIT
) -> Dataset:
    """Images of study rows, or an array (N, 1, size, size) in [0, 1], as a data set of batches."""
    if isinstance(source, np.ndarray):
        if source.shape[-2:] != (size, size):
            raise ValueError(f"images must be (N, 1, {size}, {size}), got {source.shape}")
        return MemoryImages(_to_bytes(source))
    paths = list(source["path"])
    if len(paths) * size * size > memory_limit:
        say(
            f"{len(paths)} images do not fit into {memory_limit / 2**30:.1f} GiB; reading them for each batch"
        )
        return FileImages(paths, size, aspect)
    pixels = np.empty((len(paths), 1, size, size), np.uint8)
    n, skipped = 0, Skipped()
    for start in track(range(0, len(paths), READ_CHUNK), "reading images"):
        images, _ = load_images(paths[start : start + READ_CHUNK], size, aspect, skipped=skipped)
        pixels[n : n + len(images)] = _to_bytes(images)
        n += len(images)
    if len(skipped):
        say(f"training without {skipped.summary()}")
    return MemoryImages(pixels[:n])


def _to_bytes(images: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)


def _tenth(names: list[str], seed: int) -> set[str]:
    def order(name: str) -> str:
        return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()

    return set(sorted(names, key=order)[: -(-len(names) // 10)])
