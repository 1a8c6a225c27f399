"""Encode on a Ray cluster: each shard is a task, any worker that sees the store's folder may run it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cxrneighbors.encoders.base import ImageEncoder, TextEncoder
from cxrneighbors.encoders.jobs import Job, encode_shards
from cxrneighbors.progress import track
from cxrneighbors.ray_cluster import connected, gpus_for, result_of


def encode_shards_on_ray(
    job: Job,
    encoder: ImageEncoder | TextEncoder,
    numbers: list[int],
    folder: Path,
    n_gpus: float | None = None,
) -> None:
    """Encode shards `numbers` of `job` as Ray tasks that write them into `folder`.

    The cluster is `ray_cluster.connected`'s. Tasks run the local engine's own function, so the shards are the
    same; that of a worker that dies runs again, three times at most. `n_gpus`: GPUs a task, by default 1
    where the encoder runs on one, else 0. Raises UserError when Ray is not installed.
    """
    ray = connected()
    if n_gpus is None:
        n_gpus = gpus_for(str(getattr(encoder, "device", "cpu")))
    stored = ray.put(encoder)
    task = ray.remote(num_gpus=n_gpus)(encode_shards)
    pending = [task.remote(_rows_of(job, number), stored, [number], folder.resolve()) for number in numbers]
    for _ in track(range(len(numbers)), f"encoding {job.modality}s ({encoder.name}, ray)"):
        done, pending = ray.wait(pending, num_returns=1)
        result_of(ray, done[0])


def _rows_of(job: Job, number: int) -> Job:
    """The job with the rows of one shard only: what a task has to be sent."""
    rows = slice(number * job.shard_size, (number + 1) * job.shard_size)
    return replace(job, ids=job.ids[rows], inputs=job.inputs[rows], first_shard=number)
