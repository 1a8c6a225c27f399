"""Encode a study table: images and reports to the embedding store, shard by shard, resumable."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.data.schema import has_text, studies_hash, validate_studies
from cxrneighbors.data.skipped import Skipped, write_skipped
from cxrneighbors.encoders.base import MODALITIES
from cxrneighbors.encoders.jobs import Job, encode_shards
from cxrneighbors.encoders.registry import load_image_encoder, load_report_encoder
from cxrneighbors.encoders.store import (
    FORMAT,
    MANIFEST,
    Embeddings,
    close_store,
    load_stored_encoder,
    open_store,
    read_manifest,
)
from cxrneighbors.encoders.texts import report_texts
from cxrneighbors.errors import UserError, choose
from cxrneighbors.progress import say

ENGINES = ("local", "ray")


def encode(
    studies: pd.DataFrame,
    image: Any = None,
    report: Any = None,
    out: str | Path | None = None,
    shard_size: int = 1024,
    batch_size: int = 64,
    device: str = "auto",
    mask_labels: bool = False,
    engine: str = "local",
) -> Embeddings:
    """Encode every image and every report of a study table.

    `image`, `report`: an encoder, or what `registry.load_image_encoder` and `load_report_encoder` take
    (None and 'none': leave the modality out). PCA and TF-IDF that are not fitted yet are fitted first, on
    the rows of split 'train' (all rows if there are none).
    `out`: folder of the store; None keeps the embeddings in memory only.
    `device`: for encoders that are loaded here: 'auto' (cuda where there is one), 'cpu', 'cuda'.
    `mask_labels`: replace the words that name a finding of the table before reports are encoded, so that a
    report cannot give its label away.
    `engine`: 'local', or 'ray' for shards as tasks of a Ray cluster that sees `out`.

    Batches never cross the border of a shard, and a shard is written in one step: an interrupted run
    continues where it stopped and ends with the same bytes as an uninterrupted one. Unreadable images are
    left out and listed in skipped.csv. Raises UserError when nothing can be encoded or when `out` holds
    embeddings of another encoder, other settings or another table.
    """
    choose("engine", engine, ENGINES)
    if shard_size < 1 or batch_size < 1:
        raise UserError(f"shard size {shard_size}, batch size {batch_size}: both must be at least 1")
    if out is None:
        with tempfile.TemporaryDirectory() as temporary:
            embeddings = encode(
                studies, image, report, temporary, shard_size, batch_size, device, mask_labels, engine
            )
        embeddings.folder = None
        return embeddings
    folder = Path(out)
    studies = validate_studies(studies)
    encoders = {
        "image": load_image_encoder(image, device) if _is_spec(image) else image,
        "report": load_report_encoder(report, device) if _is_spec(report) else report,
    }
    jobs = _jobs(studies, encoders, folder, shard_size, batch_size, mask_labels)
    plan = {
        "format": FORMAT,
        "complete": False,
        "studies_hash": studies_hash(studies),
        "mask_labels": mask_labels,
        "shard_size": shard_size,
        "modalities": {job.modality: job.entry for job in jobs},
    }
    if not open_store(folder, plan):
        _run(jobs, plan, folder, engine)
    embeddings = Embeddings.load(folder)
    embeddings.encoders = {job.modality: job.encoder for job in jobs}
    return embeddings


def _is_spec(value: Any) -> bool:
    return value is None or isinstance(value, (str, Path))


def _jobs(
    studies: pd.DataFrame,
    encoders: dict[str, Any],
    folder: Path,
    shard_size: int,
    batch_size: int,
    mask_labels: bool,
) -> list[Job]:
    """One job per modality that has an encoder, its encoder fitted."""
    if not any(encoders.values()):
        raise UserError(
            "nothing to encode: neither an image nor a report encoder is given; name at least one"
        )
    jobs = []
    for modality in MODALITIES:
        encoder = encoders[modality]
        if encoder is None:
            continue
        rows = studies
        column = "path"
        if modality == "report":
            rows, column = studies.assign(report=report_texts(studies, mask_labels)), "report"
        present = rows[has_text(rows[column])]
        if not len(present):
            raise UserError(
                f"study table: no row has a {column}, so there is nothing for {modality} encoder "
                f"{encoder.name!r}; leave it out with {modality} encoder 'none'"
            )
        encoder, fitted_on = _fitted(encoder, rows, modality, folder)
        ids, inputs = list(present["image_id"]), list(present[column])
        job = Job(modality, encoder, ids, inputs, shard_size, batch_size)
        job.entry = job.describe(fitted_on)
        jobs.append(job)
    return jobs


def _fitted(encoder: Any, rows: pd.DataFrame, modality: str, folder: Path) -> tuple[Any, str]:
    """Fit an encoder that needs it, or take the one an interrupted run has fitted on the same rows."""
    if getattr(encoder, "fitted", True):
        return encoder, ""
    fitted_on = encoder.fit_hash(rows)
    if (folder / MANIFEST).exists() and (folder / "encoders" / modality / "config.json").exists():
        manifest = read_manifest(folder)
        entry = manifest["modalities"].get(modality, {})
        same = (entry.get("encoder"), entry.get("config"), entry.get("fitted_on"))
        if same == (encoder.name, encoder.config(), fitted_on):
            return load_stored_encoder(folder, modality, manifest), fitted_on
    return encoder.fit(rows), fitted_on


def _run(jobs: list[Job], plan: dict[str, Any], folder: Path, engine: str) -> None:
    for job in jobs:
        job.encoder.save(folder / "encoders" / job.modality)
    for job in jobs:
        missing = job.missing(folder)
        if engine == "ray":
            from cxrneighbors.encoders.ray_engine import encode_shards_on_ray

            encode_shards_on_ray(job, missing, folder)
        else:
            encode_shards(job, missing, folder)
    skipped = Skipped("encode")
    for image_id, reason in close_store(folder, plan, {job.modality: len(job.shards) for job in jobs}):
        skipped.add(image_id, reason)
    write_skipped(skipped, folder)
    for job in jobs:
        entry = plan["modalities"][job.modality]
        say(f"{job.modality}: {entry['count']} vectors of {entry['dim']} dimensions ({job.encoder.name})")
    if len(skipped):
        say(f"{skipped.summary()}, listed in {folder / 'skipped.csv'}")
    if all(plan["modalities"][job.modality]["count"] == 0 for job in jobs):
        raise UserError(f"{folder}: not one image could be read; see skipped.csv there")
