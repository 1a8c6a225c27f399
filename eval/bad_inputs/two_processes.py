"""A folder in which another run is at work: the second is told."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from bad_inputs.options import EXPLAIN
from bad_inputs.place import FILM
from common.trials import Case

MANY = EXPLAIN.replace(f"--image-id {FILM}", "--among \"view == 'AP'\" --method lime")
JOBS = {
    "encode studies.parquet --out new --image-encoder pixels --report-encoder none": "embeddings",
    "train-vae studies.parquet --out new --image-size 32 --latent-dim 4 --epochs 1": "VAE training",
    "train-contrastive studies.parquet --out new --backbone small-cnn --image-size 32 --view-size 32 "
    "--batch-size 8 --epochs 1": "contrastive training",
    "train-report-encoder studies.parquet --out new --epochs 1": "report encoder training",
    "train-classifier studies.parquet --out new --model small-cnn --epochs 1": "classifier training",
    "train-lungs masks --out new --epochs 1 --image-size 32 --width 2": "lung segmenter training",
    MANY: "explanations",
    "evaluate-explanations idx --classifier clf --out new --methods lime --segmentations slic "
    "--targets 1 -p 8 --seeds 1 --sanity 0": "benchmark records",
}


def cases() -> list[Case]:
    return [
        Case(line, "another run", held("new"), name=f"two at once: {kind}") for line, kind in JOBS.items()
    ]


def held(name: str) -> Callable[[Path], Callable[[], None]]:
    """Another process holds the folder's lock until the case is over."""

    def act(here: Path) -> Callable[[], None]:
        from cxrneighbors.leftovers import lock

        folder = here / name
        folder.mkdir(exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
        lock(handle)
        return lambda: os.close(handle)

    return act
