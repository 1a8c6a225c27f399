"""The unit of encoding: one modality of a study table, cut into shards and the shards into batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.encoders.base import (
    ImageEncoder,
    TextEncoder,
    film_preparation,
    hash_strings,
    is_image_encoder,
)
from cxrneighbors.encoders.shards import Shard, shard_path, write_shard
from cxrneighbors.progress import track

T = TypeVar("T")
R = TypeVar("R")
TEXTS_PER_IMAGE = 4  # a batch of reports is this much longer: equal texts in it are encoded once


@dataclass(frozen=True)
class Job:
    """`ids`, `inputs`: image id and file path or text of N rows of one modality.

    `first_shard`: number of the shard that row 0 begins (not 0 when a job holds a part of the rows).
    `portable`: what stands for `inputs` in their hash, as paths that stay when a folder moves; None: they do.
    """

    modality: str
    ids: list[str]
    inputs: list[str]
    shard_size: int
    batch_size: int
    first_shard: int = 0
    portable: list[str] | None = None

    @property
    def shards(self) -> range:
        """Shard numbers. Rows never move between shards, so a resumed run writes the same bytes."""
        return range(self.first_shard, self.first_shard - (-len(self.ids) // self.shard_size))

    def missing(self, folder: Path) -> list[int]:
        """Shards that are not on disk yet."""
        return [number for number in self.shards if not shard_path(folder, self.modality, number).exists()]

    def batches(self, number: int) -> list[slice]:
        """Rows of each batch of shard `number`; none crosses the shard's border."""
        size = self.batch_size * (1 if self.modality == "image" else TEXTS_PER_IMAGE)
        start = (number - self.first_shard) * self.shard_size
        stop = min(start + self.shard_size, len(self.ids))
        return [slice(a, min(a + size, stop)) for a in range(start, stop, size)]

    def inputs_hash(self, n: int | None = None) -> str:
        """Hash of what is encoded under which id, in the first `n` rows or all."""
        return hash_strings([*self.ids[:n], *(self.portable or self.inputs)[:n]])


def encode_shards(job: Job, encoder: ImageEncoder | TextEncoder, numbers: list[int], folder: Path) -> None:
    """Encode shards one after the other and write each as soon as its last batch is there.

    The next batch of image files is read while the encoder works on the present one.
    """
    batches = [rows for number in numbers for rows in job.batches(number)]
    title = f"encoding {job.modality}s ({encoder.name})"
    inputs = track(ahead(lambda rows: _read(job, encoder, rows), batches), title, total=len(batches))
    for number in numbers:
        parts = []
        for taken, ids, skipped in islice(inputs, len(job.batches(number))):
            vectors = encoder.encode(taken) if ids else np.zeros((0, encoder.dim))
            parts.append(Shard(ids, np.asarray(vectors, np.float32), skipped))
        write_shard(shard_path(folder, job.modality, number), parts)


def ahead(function: Callable[[T], R], items: list[T]) -> Iterator[R]:
    """Yield function(item) for each item in order, the next one being computed in a thread meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        pending = None
        for item in items:
            done, pending = pending, pool.submit(function, item)
            if done is not None:
                yield done.result()
        if pending is not None:
            yield pending.result()


def _read(
    job: Job, encoder: ImageEncoder | TextEncoder, rows: slice
) -> tuple[Any, list[str], list[tuple[str, str]]]:
    """What the encoder takes of a batch, the ids of it, and (id, reason) of films that cannot be read."""
    inputs, ids = job.inputs[rows], job.ids[rows]
    if not is_image_encoder(encoder):
        return inputs, ids, []
    skipped = Skipped("encode")
    prepare = film_preparation(encoder)
    images, kept = load_images(inputs, encoder.image_size, skipped=skipped, names=ids, prepare=prepare)
    path_of, listed = dict(zip(ids, inputs, strict=True)), skipped.to_frame()
    reasons = [
        (name, reason.removeprefix(f"{path_of[name]}: "))
        for name, reason in zip(listed["item"], listed["reason"], strict=True)
    ]
    return images, [ids[row] for row in kept], reasons
