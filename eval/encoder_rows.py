"""The image encoders that `encoders.py` compares: a line each.

A line says to which group an encoder belongs and how it is made from the films to learn from (split 'train'
throughout). What is trained here names a second line: itself before its first step.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from common.kept import trained_classifier
from cxrneighbors.classifiers.starting import starting_model
from cxrneighbors.encoders.base import Fittable, ImageEncoder
from cxrneighbors.encoders.classifier import ClassifierEncoder
from cxrneighbors.encoders.components import fitting_films
from cxrneighbors.encoders.contrastive import ContrastiveEncoder
from cxrneighbors.encoders.lung_framed import LungFramed, framed_table
from cxrneighbors.encoders.registry import load_image_encoder
from cxrneighbors.encoders.side_by_side import SideBySide
from cxrneighbors.encoders.vae import VAE
from cxrneighbors.encoders.vae_network import start_from_ppca
from cxrneighbors.errors import UserError
from cxrneighbors.lungs import LungSegmenter
from cxrneighbors.models import save_model

UNTRAINED, UNSUPERVISED, LABELS = "untrained", "unsupervised", "label-trained"
GROUPS = {
    UNTRAINED: "no network is trained on films: pixels and descriptors, of which principal components are "
    "fitted, and networks as they come",
    UNSUPERVISED: "trained on films, labels unused",
    LABELS: "trained with labels",
}


@dataclass(frozen=True)
class Settings:
    """Options of trainings, and where everything runs; `lungs`: folder of a lung segmenter, '' for none;
    `models`: folder of what is trained on these films for more than one line; `precision`: of classifiers'
    trainings."""

    epochs: int
    image_size: int
    seed: int
    device: str
    lungs: str = ""
    models: Path = Path("models")
    precision: str = "auto"

    @property
    def lungs_hash(self) -> str:
        """Of the segmenter's weights, '' for none."""
        return LungSegmenter.load(self.lungs, "cpu").weights_hash() if self.lungs else ""


@dataclass(frozen=True)
class Row:
    """`make`: from films to learn from; `options`: settings that it depends on; `check`: no descriptor, but
    there to be compared with, so never the reference; `before`: the line of what its training starts from;
    `parts`: lines whose trained models `make` reads back: they are made first, and their seconds count."""

    group: str
    make: Callable[[pd.DataFrame, Settings], ImageEncoder]
    options: tuple[str, ...] = ()
    check: bool = False
    before: str = ""
    parts: tuple[str, ...] = ()


def named(spec: str) -> Callable[[pd.DataFrame, Settings], ImageEncoder]:
    """The encoder that --image-encoder calls `spec`, fitted where it needs it."""

    def make(films: pd.DataFrame, settings: Settings) -> ImageEncoder:
        encoder = load_image_encoder(spec, settings.device)
        assert encoder is not None
        if isinstance(encoder, Fittable) and not encoder.fitted:
            encoder.fit(films)
        return encoder

    return make


class RandomVectors:
    """Random numbers whatever the film: its lift has to be 0."""

    name, image_size, aspect, dim = "random", 8, "pad", 60

    def __init__(self, seed: int) -> None:
        self.seed, self._rng = seed, np.random.default_rng(seed)

    def config(self) -> dict[str, Any]:
        return {"seed": self.seed}

    def weights_hash(self) -> str:
        return ""

    def encode(self, images: np.ndarray) -> np.ndarray:
        return self._rng.standard_normal((len(images), self.dim), dtype=np.float32)

    def save(self, folder: str | Path) -> None:
        save_model(folder, "encoder", self.name, self.config(), {})


def random_vectors(films: pd.DataFrame, settings: Settings) -> RandomVectors:
    return RandomVectors(settings.seed)


def in_lung_frames(encoder: ImageEncoder, settings: Settings) -> LungFramed:
    if not settings.lungs:
        raise UserError("lungs: rows NAME-lungs need a segmenter; give --lungs DIR (train-lungs)")
    return LungFramed(encoder, LungSegmenter.load(settings.lungs, settings.device))


def framed(spec: str) -> Callable[[pd.DataFrame, Settings], ImageEncoder]:
    """The descriptor that --image-encoder calls `spec`, fitted on films bent to their lungs."""

    def make(films: pd.DataFrame, settings: Settings) -> ImageEncoder:
        encoder = load_image_encoder(spec, settings.device)
        assert encoder is not None
        return in_lung_frames(encoder, settings).fit(films)

    return make


def untrained_vae(settings: Settings, **options: Any) -> VAE:
    return VAE(image_size=settings.image_size, seed=settings.seed, device=settings.device, **options)


def vae_before(films: pd.DataFrame, settings: Settings) -> VAE:
    """The linear VAE that training starts from."""
    vae = untrained_vae(settings)
    batches = fitting_films(films, vae.image_size, vae.aspect, 4096, settings.seed)
    start_from_ppca(
        vae.network, torch.cat([vae.network.pictures(torch.from_numpy(images)) for images in batches])
    )
    vae.fitted = True
    return vae


def vae(films: pd.DataFrame, settings: Settings, beta: float = 1.0, **options: Any) -> VAE:
    """`options`: of the VAE; `beta`: weight of the KL term."""
    untrained = untrained_vae(settings, **options)
    return untrained.fit(films, epochs=settings.epochs, beta=beta, seed=settings.seed)


def vae_lungs_before(films: pd.DataFrame, settings: Settings) -> LungFramed:
    encoder = in_lung_frames(untrained_vae(settings), settings)
    with tempfile.TemporaryDirectory() as folder:
        frames = framed_table(films, encoder.lungs, encoder.image_size, folder)
        encoder.encoder = vae_before(frames, settings)
    return encoder


def vae_lungs(films: pd.DataFrame, settings: Settings) -> LungFramed:
    encoder = in_lung_frames(untrained_vae(settings), settings)
    return encoder.fit(films, epochs=settings.epochs, seed=settings.seed)


def contrastive(
    films: pd.DataFrame, settings: Settings, epochs: int | None = None, positives: str = "film"
) -> ContrastiveEncoder:
    """60 components; views are three quarters of a film's side, 96 of 128 pixels."""
    encoder = ContrastiveEncoder(
        image_size=settings.image_size,
        view_size=max(32, 3 * settings.image_size // 4),
        dim=60,
        seed=settings.seed,
        device=settings.device,
    )
    epochs = min(settings.epochs, CONTRASTIVE_EPOCHS) if epochs is None else epochs
    out = settings.models / f"contrastive-{positives}" if epochs else None
    return encoder.fit(films, out, epochs=epochs, positives=positives, seed=settings.seed)


def classifier(
    films: pd.DataFrame,
    settings: Settings,
    layer: str = "features",
    start: str = "imagenet",
    overlap: float = 0.0,
) -> ClassifierEncoder:
    """EfficientNet-Lite0 that learned the findings, from ImageNet's weights or the 'contrastive' encoder's.

    `layer`: 'features' (cosine), 'logits' or 'probabilities'. `overlap`: weight of the loss by which films
    lie near each other as they share findings.
    """
    weights = settings.models / "contrastive-film" if start == "contrastive" else start
    model = starting_model(
        "efficientnet-lite0",
        films,
        None,
        weights,
        no_finding=True,
        seed=settings.seed,
        image_size=settings.image_size,
    )
    epochs = min(settings.epochs, CLASSIFIER_EPOCHS)
    folder = settings.models / f"classifier-{start}{'-overlap' if overlap else ''}"
    learned = all_but_one(films)
    training = {"epochs": epochs, "seed": settings.seed, "overlap": overlap, "keep": "last"}
    training |= {"precision": settings.precision}
    trained_classifier(model, learned, folder, settings.device, **training)
    return ClassifierEncoder(model, layer, device=settings.device)


def all_but_one(films: pd.DataFrame) -> pd.DataFrame:
    """`films` with one patient to validate on, the last by name: where the last weights are kept, a tenth
    held back would be of no use."""
    patients = films["patient_id"].astype(str)
    return films.assign(split=np.where(patients == patients.max(), "val", "train"))


def classifiers(films: pd.DataFrame, settings: Settings) -> SideBySide:
    """Features of both classifiers side by side."""
    return SideBySide([classifier(films, settings, start=start) for start in STARTS], seed=0).fit(films)


CONTRASTIVE_EPOCHS = 18  # at most, whatever other trainings take: its learning rate has fallen to 0 by then
CLASSIFIER_EPOCHS = 6  # likewise
OVERLAP = 0.1  # weight of the loss of films that share findings
STARTS = ("imagenet", "contrastive")
TRAINING = ("epochs", "image_size", "seed")
CLASSIFYING = (*TRAINING, "precision")
LUNGS = ("lungs_hash",)
ROWS = {
    "random": Row(UNTRAINED, random_vectors, ("seed",), check=True),
    "pixels": Row(UNTRAINED, named("pixels")),
    "pca": Row(UNTRAINED, named("pca")),
    "pca-whitened": Row(UNTRAINED, named("pca-whitened")),
    "pca-centre": Row(UNTRAINED, named("pca-centre")),
    "hog": Row(UNTRAINED, named("hog")),
    "pca+hog": Row(UNTRAINED, named("pca+hog")),
    "pca-centre+hog": Row(UNTRAINED, named("pca-centre+hog")),
    "pca-half": Row(UNTRAINED, named("pca-half")),
    "pca-half-lungs": Row(UNTRAINED, framed("pca-half"), LUNGS),
    "hog-lungs": Row(UNTRAINED, framed("hog"), LUNGS),
    "vae-before": Row(UNTRAINED, vae_before, ("image_size", "seed"), check=True),
    "vae": Row(UNSUPERVISED, vae, TRAINING, before="vae-before"),
    "vae-40": Row(UNSUPERVISED, partial(vae, latent_dim=40), TRAINING, before="vae-before"),
    "vae-80": Row(UNSUPERVISED, partial(vae, latent_dim=80), TRAINING, before="vae-before"),
    "vae-exposure-kept": Row(UNSUPERVISED, partial(vae, exposure="kept"), TRAINING, before="vae-before"),
    "vae-full-resolution": Row(UNSUPERVISED, partial(vae, stride=1), TRAINING, before="vae-before"),
    "vae-one-picture": Row(UNSUPERVISED, partial(vae, local=False), TRAINING, before="vae-before"),
    "vae-beta-4": Row(UNSUPERVISED, partial(vae, beta=4.0), TRAINING, before="vae-before"),
    "vae-lungs-before": Row(UNTRAINED, vae_lungs_before, ("image_size", "seed", *LUNGS), check=True),
    "vae-lungs": Row(UNSUPERVISED, vae_lungs, (*TRAINING, *LUNGS), before="vae-lungs-before"),
    "efficientnet-lite0": Row(UNTRAINED, named("efficientnet-lite0")),
    "contrastive-before": Row(UNTRAINED, partial(contrastive, epochs=0), ("image_size", "seed"), check=True),
    "contrastive": Row(UNSUPERVISED, contrastive, TRAINING, before="contrastive-before"),
    "contrastive-patient": Row(
        UNSUPERVISED, partial(contrastive, positives="patient"), TRAINING, before="contrastive-before"
    ),
    "classifier": Row(LABELS, classifier, CLASSIFYING, before="efficientnet-lite0"),
    "classifier-logits": Row(LABELS, partial(classifier, layer="logits"), CLASSIFYING, parts=("classifier",)),
    "classifier-overlap": Row(
        LABELS, partial(classifier, overlap=OVERLAP), CLASSIFYING, before="efficientnet-lite0"
    ),
    "classifier-contrastive": Row(
        LABELS,
        partial(classifier, start="contrastive"),
        CLASSIFYING,
        before="contrastive",
        parts=("contrastive",),
    ),
    "classifiers": Row(LABELS, classifiers, CLASSIFYING, parts=("classifier", "classifier-contrastive")),
}
