"""Encode a study table: images and reports to the embedding store, shard by shard, resumable."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.data.schema import has_text, studies_hash, validate_studies
from cxrneighbors.data.skipped import Skipped, write_skipped
from cxrneighbors.encoders.base import MODALITIES, hash_strings
from cxrneighbors.encoders.shards import Shard, shard_path, write_shard
from cxrneighbors.encoders.store import FORMAT, MANIFEST, Embeddings, close_store, open_store, read_manifest
from cxrneighbors.errors import UserError, choose
from cxrneighbors.progress import say, track

ENGINES = ("local", "ray")


class Job:
    """One modality to encode: the encoder, and per row its image id and its input (a file path or a text)."""

    def __init__(self, modality: str, encoder: Any, ids: list[str], inputs: list[str], shard_size: int) -> None:
        self.modality = modality
        self.encoder = encoder
        self.ids = ids
        self.inputs = inputs
        self.shard_size = shard_size

    @property
    def n_shards(self) -> int:
        """Number of shards; rows never move between shards, so a resumed run writes the same bytes."""
        return -(-len(self.ids) // self.shard_size)

    def rows(self, number: int) -> slice:
        """Rows of shard `number`."""
        return slice(number * self.shard_size, min((number + 1) * self.shard_size, len(self.ids)))

    def missing(self, folder: Path) -> list[int]:
        """Shards that are not on disk yet."""
        return [n for n in range(self.n_shards) if not shard_path(folder, self.modality, n).exists()]

    def entry(self) -> dict[str, Any]:
        """What the manifest says of this modality before anything is encoded."""
        encoder = self.encoder
        return {
            "encoder": encoder.name,
            "config": encoder.config(),
            "weights_hash": encoder.weights_hash(),
            "inputs_hash": hash_strings([*self.ids, *self.inputs]),
        }


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
    studies = validate_studies(studies)
    if out is None:
        with tempfile.TemporaryDirectory() as temporary:
            embeddings = encode(
                studies, image, report, temporary, shard_size, batch_size, device, mask_labels, engine
            )
            for modality in embeddings.modalities:
                embeddings.encoder(modality).weights_hash()  # read it before the folder goes
            embeddings.folder = None
            return embeddings
    folder = Path(out)
    jobs = _jobs(studies, image, report, folder, shard_size, device, mask_labels)
    plan = _plan(studies, jobs, shard_size, mask_labels)
    if not open_store(folder, plan):
        _run(jobs, plan, folder, batch_size, device, engine)
    embeddings = Embeddings.load(folder)
    embeddings.encoders = {job.modality: job.encoder for job in jobs}
    return embeddings


def report_texts(studies: pd.DataFrame, mask_labels: bool = False) -> pd.Series:
    """The text of each row that report encoders see, None where there is none.

    Findings and impression where the report has such sections, else all of it. With `mask_labels`, words
    that name any finding of the table are replaced by '___', in every report alike: masking only a report's
    own findings would show by the gaps which it has.
    """
    from cxrneighbors.reports.label_words import mask_label_words
    from cxrneighbors.reports.selection import report_text

    findings = sorted({name for names in studies["findings"] for name in names})
    done: dict[str, str] = {}  # a study's images share its report

    def text_of(report: str | None, sections: dict[str, str] | None) -> str | None:
        text = report_text(report, sections)
        if text is None or not text.strip() or not mask_labels:
            return text if text and text.strip() else None
        if text not in done:
            done[text] = mask_label_words(text, findings)
        return done[text]

    texts = [text_of(a, b) for a, b in zip(studies["report"], studies["sections"], strict=True)]
    return pd.Series(texts, index=studies.index, dtype=object)


def encode_images(encoder: Any, ids: list[str], paths: list[str], device: str = "auto") -> Shard:
    """Read and encode one batch of image files; unreadable ones are listed in the shard's `skipped`."""
    from cxrneighbors.data.pixels import load_images

    skipped = Skipped("encode")
    images, kept = load_images(paths, encoder.image_size, encoder.aspect, skipped=skipped)
    left_out = np.setdiff1d(np.arange(len(paths)), kept)
    reasons = list(skipped.to_frame()["reason"])
    names = [ids[row] for row in left_out]
    if len(images):
        vectors = encoder.encode(images)
    else:
        vectors = np.zeros((0, encoder.dim), np.float32)
    return Shard([ids[row] for row in kept], vectors, list(zip(names, reasons, strict=True)))


def encode_batch(job: Job, rows: slice, device: str = "auto") -> Shard:
    """Encode consecutive rows of a job."""
    ids, inputs = job.ids[rows], job.inputs[rows]
    if job.modality == "image":
        return encode_images(job.encoder, ids, inputs, device)
    return Shard(ids, job.encoder.encode(inputs))


def join_batches(batches: list[Shard]) -> Shard:
    """Concatenate the batches of a shard in order."""
    return Shard(
        [name for batch in batches for name in batch.ids],
        np.concatenate([batch.vectors for batch in batches]),
        [row for batch in batches for row in batch.skipped],
    )


def batches_of(rows: slice, batch_size: int) -> Iterator[slice]:
    """Cut the rows of a shard into batches."""
    for start in range(rows.start, rows.stop, batch_size):
        yield slice(start, min(start + batch_size, rows.stop))
