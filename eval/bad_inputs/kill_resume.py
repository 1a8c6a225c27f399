"""Interrupted at some moment: 143 or 130, one line, and the same command ends well."""

from __future__ import annotations

import signal

from bad_inputs.options import EXPLAIN
from bad_inputs.place import FILM
from common.trials import Case

JOBS = {
    "encode studies.parquet --out new --image-encoder vae --report-encoder tfidf --shard-size 4": 0.3,
    "index emb --studies studies.parquet --out new": 0.2,
    "evaluate idx --out new --baselines none --permutations 99": 1.5,
    "train-classifier studies.parquet --out new --model small-cnn --image-size 32 --epochs 3": 1.5,
    "train-vae studies.parquet --out new --image-size 32 --latent-dim 4 --epochs 2": 2.0,
    "predict clf studies.parquet --out new.csv --batch-size 4": 0.3,
    EXPLAIN.replace(f"--image-id {FILM}", "--among \"view == 'AP'\"") + " --method lime": 1.5,
}


def cases() -> list[Case]:
    return [
        Case(
            line,
            "interrupted",
            ends="interrupted",
            stop=number,
            stop_after=after,
            name=f"{line.split()[0]}: {signal.Signals(number).name} after {after:g} s",
        )
        for line, after in JOBS.items()
        for number in (signal.SIGTERM, signal.SIGINT)
    ]
