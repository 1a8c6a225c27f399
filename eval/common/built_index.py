"""A data set imported, encoded by encoders that learned on its train split or elsewhere, and indexed."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cxrneighbors.data.combine import combine_studies, without_patients_of
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.schema import has_text
from cxrneighbors.encoders.base import Fittable, ImageEncoder
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.registry import load_image_encoder
from cxrneighbors.encoders.vae import VAE
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say

NAMES = (
    "dataset",
    "root",
    "--train",
    "--image-encoder",
    "--report-encoder",
    "--definition",
    "-k",
    "--epochs",
)
OPTIONS = (*NAMES, "--image-size", "--seed", "--device", "--name", "--work", "--results")


@dataclass(frozen=True)
class BuiltIndex:
    """`training`: what the encoders learned from; `targets`: which images are then scored, None for all."""

    index: NeighborIndex
    image_encoder: ImageEncoder | None
    training: pd.DataFrame
    targets: str | None


def build_index(given: argparse.Namespace, work: Path) -> BuiltIndex:
    """The index that `OPTIONS` ask for; weights, embeddings and the index stay in `work`."""
    imported = import_dataset(given.dataset, given.root)
    studies = imported.studies
    say(f"{given.dataset}: {len(studies)} images, {imported.skipped.summary()}")
    training, targets = training_table(studies, given.train)
    image = image_encoder(training, work, given) if studies["path"].notna().any() else None
    report = given.report_encoder if has_text(studies["report"]).any() else None
    embeddings = encode(studies, image=image, report=report, out=work / "embeddings", device=given.device)
    index = NeighborIndex.build(embeddings, studies)
    index.save(work / "index")
    return BuiltIndex(index, image, training, targets)


def training_table(studies: pd.DataFrame, others: list[list[str]]) -> tuple[pd.DataFrame, str | None]:
    """What encoders learn from, `studies` or (DATASET, ROOT) of `others`; which targets are then scored."""
    if not others:
        return studies, "split == 'test'"
    tables = [import_dataset(dataset, root).studies for dataset, root in others]
    table = without_patients_of(combine_studies(tables), studies)
    # The test rows of the other data sets train too: none of their patients is scored here.
    return table.assign(split=table["split"].replace("test", "train")), None


def image_encoder(training: pd.DataFrame, work: Path, given: argparse.Namespace) -> ImageEncoder | None:
    """The encoder that --image-encoder names, trained or fitted on `training` where it is not yet."""
    if given.image_encoder == "vae":
        vae = VAE(latent_dim=60, image_size=given.image_size)
        vae.fit(training, out=work / "vae", epochs=given.epochs, seed=given.seed, device=given.device)
        vae.save(work / "vae")
        return vae
    encoder = load_image_encoder(given.image_encoder, given.device)
    if isinstance(encoder, Fittable) and not encoder.fitted:
        encoder.fit(training)
    return encoder
