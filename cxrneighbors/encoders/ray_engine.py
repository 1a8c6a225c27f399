"""Encode on a Ray cluster: each shard is a task, any worker that sees the store's folder may run it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cxrneighbors.encoders.base import ImageEncoder, TextEncoder
from cxrneighbors.encoders.jobs import Job, encode_shards
from cxrneighbors.errors import UserError
from cxrneighbors.progress import track


def encode_shards_on_ray(
    job: Job, encoder: ImageEncoder | TextEncoder, numbers: list[int], folder: Path, n_gpus: float = 0
) -> None:
    """Encode shards `numbers` of `job` as Ray tasks that write them into `folder`.

    Uses the cluster that Ray is connected to (or RAY_ADDRESS names), else starts one on this machine. Tasks
    run the local engine's own function, so the shards are the same. `n_gpus`: GPUs per task.
    Raises UserError when Ray is not installed.
    """
    ray = _ray()
    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False)
    stored = ray.put(encoder)
    task = ray.remote(num_gpus=n_gpus)(encode_shards)
    pending = [task.remote(_rows_of(job, number), stored, [number], folder.resolve()) for number in numbers]
    for _ in track(range(len(numbers)), f"encoding {job.modality}s ({encoder.name}, ray)"):
        done, pending = ray.wait(pending, num_returns=1)
        ray.get(done)


def _rows_of(job: Job, number: int) -> Job:
    """The job with the rows of one shard only: what a task has to be sent."""
    rows = slice(number * job.shard_size, (number + 1) * job.shard_size)
    return replace(job, ids=job.ids[rows], inputs=job.inputs[rows], first_shard=number)


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise UserError("engine 'ray': Ray is not installed; pip install 'cxrneighbors[ray]'") from None
    return ray
