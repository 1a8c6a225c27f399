"""The unit of encoding: one modality of a study table, cut into shards and the shards into batches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from cxrneighbors.data.ahead import ahead
from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.encoders.base import (
    ImageEncoder,
    TextEncoder,
    film_preparation,
    hash_strings,
    is_image_encoder,
)
from cxrneighbors.encoders.shards import Shard, read_shard, rows_in_shard, shard_path, write_shard
from cxrneighbors.progress import track

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

    def rows(self, number: int) -> range:
        """Rows of shard `number`."""
        start = (number - self.first_shard) * self.shard_size
        return range(start, min(start + self.shard_size, len(self.ids)))

    def missing(self, folder: Path) -> list[int]:
        """Shards that are not on disk, or with fewer rows, as the last one of a table that has grown."""
        path = partial(shard_path, folder, self.modality)
        return [number for number in self.shards if rows_in_shard(path(number)) < len(self.rows(number))]

    def batches(self, number: int) -> list[slice]:
        """Rows of each batch of shard `number`; none crosses the shard's border."""
        size = self.batch_size * (1 if self.modality == "image" else TEXTS_PER_IMAGE)
        rows = self.rows(number)
        return [slice(a, min(a + size, rows.stop)) for a in range(rows.start, rows.stop, size)]

    def begun(self, number: int, folder: Path) -> tuple[int, Shard | None]:
        """How many batches of shard `number` are on disk from before the table grew, and their rows.

        A batch that has grown is not among them: it is encoded as a whole again, so that the bytes are those
        of a run on the grown table alone.
        """
        path = shard_path(folder, self.modality, number)
        reached = self.rows(number).start + rows_in_shard(path)
        whole = [batch for batch in self.batches(number) if batch.stop <= reached]
        if not whole:
            return 0, None
        names, found = set(self.ids[whole[0].start : whole[-1].stop]), read_shard(path)
        ids = [name for name in found.ids if name in names]  # the first ones
        return len(whole), Shard(
            ids, found.vectors[: len(ids)], [(name, why) for name, why in found.skipped if name in names]
        )

    def inputs_hash(self, n: int | None = None) -> str:
        """Hash of what is encoded under which id, in the first `n` rows or all."""
        return hash_strings([*self.ids[:n], *(self.portable or self.inputs)[:n]])


def encode_shards(job: Job, encoder: ImageEncoder | TextEncoder, numbers: list[int], folder: Path) -> None:
    """Encode shards one after the other and write each as soon as its last batch is there.

    The next batch of image files is read, and copied to memory that a GPU reads at once, while the encoder
    works on the present one.
    """
    begun = {number: job.begun(number, folder) for number in numbers}
    batches = [rows for number in numbers for rows in job.batches(number)[begun[number][0] :]]
    title = f"encoding {job.modality}s ({encoder.name})"
    inputs = track(ahead(lambda rows: _read(job, encoder, rows), batches), title, total=len(batches))
    for number in numbers:
        done, kept = begun[number]
        parts = [] if kept is None else [kept]
        for taken, ids, skipped in islice(inputs, len(job.batches(number)) - done):
            vectors = encoder.encode(taken) if ids else np.zeros((0, encoder.dim))
            parts.append(Shard(ids, np.asarray(vectors, np.float32), skipped))
        write_shard(shard_path(folder, job.modality, number), parts)


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
    if (device := getattr(encoder, "device", "cpu")) != "cpu":
        from cxrneighbors.encoders.forward import page_locked

        images = page_locked(images, device)
    return images, [ids[row] for row in kept], reasons
