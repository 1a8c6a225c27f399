"""The unit of encoding: one modality of a study table, cut into shards and the shards into batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cxrneighbors.data.skipped import Skipped
from cxrneighbors.encoders.base import hash_strings
from cxrneighbors.encoders.shards import Shard, shard_path, write_shard
from cxrneighbors.progress import track

T = TypeVar("T")
R = TypeVar("R")
TEXTS_PER_IMAGE = 4  # a batch of reports is this much longer: equal texts in it are encoded once


@dataclass
class Job:
    """`ids`, `inputs`: image id and file path or text of N rows; `encoder`: what encodes them.

    `first_shard`: number of the shard that row 0 begins (not 0 when a job holds a part of the rows).
    """

    modality: str
    encoder: Any
    ids: list[str]
    inputs: list[str]
    shard_size: int
    batch_size: int
    entry: dict[str, Any] = field(default_factory=dict)
    first_shard: int = 0

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

    def describe(self, fitted_on: str) -> dict[str, Any]:
        """What the manifest says of this modality before anything is encoded."""
        return {
            "encoder": self.encoder.name,
            "config": self.encoder.config(),
            "weights_hash": self.encoder.weights_hash(),
            "inputs_hash": hash_strings([*self.ids, *self.inputs]),
            "fitted_on": fitted_on,
        }


def encode_shards(job: Job, numbers: list[int], folder: Path) -> None:
    """Encode shards one after the other and write each as soon as its last batch is there.

    The next batch of image files is read while the encoder works on the present one.
    """
    steps = [(number, rows) for number in numbers for rows in job.batches(number)]
    done: list[Shard] = []
    read = ahead(lambda step: _read(job, step[1]), steps)
    for (number, rows), (inputs, kept, skipped) in track(
        zip(steps, read, strict=True), f"encoding {job.modality}s ({job.encoder.name})", total=len(steps)
    ):
        done.append(_encode(job, rows, inputs, kept, skipped))
        if rows == job.batches(number)[-1]:
            write_shard(shard_path(folder, job.modality, number), _join(done))
            done = []


def ahead(function: Callable[[T], R], items: list[T]) -> Iterator[R]:
    """Yield function(item) for each item in order, the next one being computed in a thread meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(function, items[0]) if items else None
        for item in items[1:]:
            assert pending is not None
            result = pending.result()
            pending = pool.submit(function, item)
            yield result
        if pending is not None:
            yield pending.result()


def _read(job: Job, rows: slice) -> tuple[Any, np.ndarray, list[tuple[str, str]]]:
    """Inputs of a batch, the rows of it that could be read, and (image_id, reason) of the others."""
    inputs = job.inputs[rows]
    everything = np.arange(len(inputs))
    if job.modality == "report":
        return inputs, everything, []
    from cxrneighbors.data.pixels import load_images

    skipped = Skipped("encode")
    images, kept = load_images(
        inputs, job.encoder.image_size, job.encoder.aspect, skipped=skipped, names=job.ids[rows]
    )
    listed = skipped.to_frame()
    path_of = dict(zip(job.ids[rows], inputs, strict=True))
    reasons = [
        reason.removeprefix(f"{path_of[image_id]}: ")
        for image_id, reason in zip(listed["item"], listed["reason"], strict=True)
    ]
    return images, kept, list(zip(listed["item"], reasons, strict=True))


def _encode(job: Job, rows: slice, inputs: Any, kept: np.ndarray, skipped: list[tuple[str, str]]) -> Shard:
    ids = job.ids[rows]
    vectors = job.encoder.encode(inputs) if len(kept) else np.zeros((0, job.encoder.dim), np.float32)
    return Shard([ids[row] for row in kept], np.asarray(vectors, np.float32), skipped)


def _join(batches: list[Shard]) -> Shard:
    return Shard(
        [name for batch in batches for name in batch.ids],
        np.concatenate([batch.vectors for batch in batches]),
        [row for batch in batches for row in batch.skipped],
    )
