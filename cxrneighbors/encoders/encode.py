"""Encode a study table: images and reports to the embedding store, shard by shard, resumable."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.arguments import whole
from cxrneighbors.artifact import Work
from cxrneighbors.data.paths import portable
from cxrneighbors.data.schema import has_text, studies_hash, validate_studies
from cxrneighbors.data.skipped import Skipped, write_skipped
from cxrneighbors.encoders.base import Fittable, ImageEncoder, TextEncoder
from cxrneighbors.encoders.growth import begin_or_grow
from cxrneighbors.encoders.jobs import Job, encode_shards
from cxrneighbors.encoders.ray_engine import encode_shards_on_ray
from cxrneighbors.encoders.registry import load_encoder_folder, load_image_encoder, load_report_encoder
from cxrneighbors.encoders.shards import read_shards
from cxrneighbors.encoders.store import Embeddings, stored_encoder
from cxrneighbors.encoders.texts import report_texts, text_sources
from cxrneighbors.errors import UserError, choose
from cxrneighbors.leftovers import scratch_folder
from cxrneighbors.progress import say

ENGINES = {"local": encode_shards, "ray": encode_shards_on_ray}


def encode(
    studies: pd.DataFrame,
    image: ImageEncoder | str | Path | None = None,
    report: TextEncoder | str | Path | None = None,
    out: str | Path | None = None,
    shard_size: int = 1024,
    batch_size: int = 64,
    device: str = "auto",
    mask_labels: bool | str = False,
    engine: str = "local",
) -> Embeddings:
    """Encode every image and every report of a study table.

    `image`, `report`: an encoder, or what `registry.load_image_encoder` and `load_report_encoder` take
    (None and 'none': leave the modality out). PCA and TF-IDF that are not fitted yet are fitted first, on
    the rows of split 'train' (all rows if there are none).
    `out`: folder of the store; None keeps the embeddings in memory only.
    `device`: for encoders that are loaded here: 'auto' (cuda where there is one), 'cpu', 'cuda'.
    `mask_labels`: 'words' (or True): blank the words that name a finding of the table before reports are
    encoded; 'sentences': leave out the sentences that speak of any finding (`encoders.texts`). What is left
    bounds what report neighbours owe to words that give their label away.
    `engine`: 'local', or 'ray' for shards as tasks of a Ray cluster that sees `out`.

    Batches never cross the border of a shard, and a shard is written in one step: an interrupted run
    continues where it stopped and ends with the same bytes as an uninterrupted one. Of a table that has
    grown at its end since `out` was written only the new rows are encoded (`encoders.growth`). Unreadable
    images are left out and listed in skipped.csv. Raises UserError when nothing can be encoded or when `out`
    holds embeddings of another encoder, other settings or another table.
    """
    run = ENGINES[choose("engine", engine, list(ENGINES))]
    shard_size, batch_size = whole("shard size", shard_size, 1024), whole("batch size", batch_size, 64)
    if shard_size < 1 or batch_size < 1:
        raise UserError(f"shard size {shard_size}, batch size {batch_size}: both must be at least 1")
    if out is None:
        with scratch_folder("embeddings") as temporary:
            embeddings = encode(
                studies, image, report, temporary, shard_size, batch_size, device, mask_labels, engine
            )
        embeddings.folder = None
        return embeddings
    studies = validate_studies(studies)
    parts = _parts(studies, image, report, device, mask_labels)
    jobs = [part.job(shard_size, batch_size) for part in parts]
    plan = {
        "studies_hash": studies_hash(studies),
        "mask_labels": mask_labels,
        "shard_size": shard_size,
        "encoded": [part.modality for part in parts],  # a store of more modalities is another one
        "modalities": {part.modality: part.plan(job) for part, job in zip(parts, jobs, strict=True)},
    }
    work = begin_or_grow(out, plan, jobs)
    if work.complete:
        return Embeddings.load(work.folder)
    with work.preparing():
        for part in parts:
            part.fit(work.folder)
    for part in parts:
        part.encoder.save(stored_encoder(work.folder, part.modality))
    for part, job in zip(parts, jobs, strict=True):
        run(job, part.encoder, job.missing(work.folder), work.folder)
    return _finished(work, parts, jobs)


@dataclass
class _Part:
    """One modality: its encoder, and its rows with what the encoder takes in column `column`."""

    modality: str
    encoder: ImageEncoder | TextEncoder
    rows: pd.DataFrame
    column: str
    fitted_on: str = ""
    text_from: dict[str, int] = field(default_factory=dict)  # reports: images by the sections that are read

    def __post_init__(self) -> None:
        if not has_text(self.rows[self.column]).any():
            raise UserError(
                f"study table: no row has a {self.column}, so there is nothing for {self.modality} encoder "
                f"{self.encoder.name!r}; leave it out with {self.modality} encoder 'none'"
            )
        if isinstance(self.encoder, Fittable) and not self.encoder.fitted:
            self.fitted_on = self.encoder.fit_hash(self.rows)

    def job(self, shard_size: int, batch_size: int) -> Job:
        present = self.rows[has_text(self.rows[self.column])]
        ids, inputs = list(present["image_id"]), list(present[self.column])
        named = [str(path) for path in portable(present)] if self.column == "path" else None
        return Job(self.modality, ids, inputs, shard_size, batch_size, portable=named)

    def plan(self, job: Job) -> dict[str, Any]:
        """What the manifest says before anything is encoded: an encoder to be fitted has no weights yet."""
        encoder = self.encoder
        weights = {} if self.fitted_on else {"weights_hash": encoder.weights_hash()}
        found = {"encoder": encoder.name, "config": encoder.config(), **weights}
        return {**found, "inputs_hash": job.inputs_hash(), "fitted_on": self.fitted_on}

    def fit(self, folder: Path) -> None:
        """Fit an encoder that needs it, or take the one that an interrupted run has fitted on these rows."""
        path = stored_encoder(folder, self.modality)
        if self.fitted_on and (path / "config.json").exists():
            self.encoder = load_encoder_folder(path)
        elif self.fitted_on and isinstance(self.encoder, Fittable):
            self.encoder.fit(self.rows)


def _parts(
    studies: pd.DataFrame,
    image: ImageEncoder | str | Path | None,
    report: TextEncoder | str | Path | None,
    device: str,
    mask_labels: bool | str,
) -> list[_Part]:
    """One part per modality that has an encoder."""
    films, texts = load_image_encoder(image, device), load_report_encoder(report, device)
    parts = [_Part("image", films, studies, "path")] if films is not None else []
    if texts is not None:
        rows = studies.assign(report=report_texts(studies, mask_labels))
        parts.append(_Part("report", texts, rows, "report", text_from=text_sources(studies)))
    if not parts:
        raise UserError(
            "nothing to encode: neither an image nor a report encoder is given; name at least one"
        )
    return parts


def _finished(work: Work, parts: list[_Part], jobs: list[Job]) -> Embeddings:
    """Count what came out, list what was skipped, and mark the store complete."""
    skipped = Skipped("encode")
    results, found = {}, {}
    for part, job in zip(parts, jobs, strict=True):
        result: dict[str, Any] = {"weights_hash": part.encoder.weights_hash(), "shards": len(job.shards)}
        shard = found[part.modality] = read_shards(work.folder, part.modality, len(job.shards))
        for image_id, reason in shard.skipped:
            skipped.add(image_id, reason)
        counts = {"dim": shard.vectors.shape[1], "count": len(shard.ids), "skipped": len(shard.skipped)}
        read = {"text_from": part.text_from} if part.text_from else {}
        results[part.modality] = {**result, **counts, **read}
        say(f"{part.modality}: {len(shard.ids)} vectors of {counts['dim']} dimensions ({part.encoder.name})")
    write_skipped(skipped, work.folder)
    if len(skipped):
        say(f"{skipped.summary()}, listed in {work.folder / 'skipped.csv'}")
    if not any(shard.ids for shard in found.values()):
        raise UserError(f"{work.folder}: not one image could be read; see skipped.csv there")
    embeddings = Embeddings.of_shards(found, work.finish({"modalities": results}), work.folder)
    embeddings.encoders = {part.modality: part.encoder for part in parts}
    return embeddings
