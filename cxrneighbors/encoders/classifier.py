"""A classifier of the package as an encoder: what its last layers say of a film is the film's vector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from cxrneighbors.classifiers.base import Classifier, evaluating
from cxrneighbors.classifiers.registry import build, load_classifier
from cxrneighbors.devices import resolve_device
from cxrneighbors.encoders.base import NOUN, check_images, unit_length
from cxrneighbors.encoders.forward import forward, placed
from cxrneighbors.errors import UserError, choose
from cxrneighbors.files import plain
from cxrneighbors.models import SavedModel, load_weights, read_config

LAYERS = ("features", "logits", "probabilities")
PREFIX = "classifier:"
IMAGENET_BACKBONES = ("efficientnet-lite0", "efficientnet-lite2")
BATCH = 64


class ClassifierEncoder(SavedModel):
    """Vectors float32 (N, D) of films from layer `layer` of a classifier.

    `classifier`: one of the package, trained on findings or on other pictures. `layer`: 'features', its
    penultimate activations (the default); 'logits'; or 'probabilities', one number a label in [0, 1].
    `normalise`: vectors of length 1, so that Euclidean distance ranks as the cosine does; None: for
    features only. `device`: where it runs ('auto': cuda where there is one).

    The classifier scales and standardises films itself. Saved, it is one folder with all weights.
    """

    noun = NOUN
    kind = "classifier"

    def __init__(
        self,
        classifier: Classifier,
        layer: str = "features",
        normalise: bool | None = None,
        device: str = "auto",
    ) -> None:
        self.classifier = classifier
        self.layer = choose("layer of a classifier", layer, LAYERS)
        self.normalise = layer == "features" if normalise is None else normalise
        self.device = device
        self.name = f"{classifier.name}-{layer}"
        self.image_size, self.aspect = classifier.image_size, classifier.aspect
        self._dim: int | None = None

    @property
    def dim(self) -> int:
        """Length of a vector."""
        if self._dim is None:
            blank = np.zeros((1, 1, self.image_size, self.image_size), np.float32)
            self._dim = self.encode(blank).shape[1]
        return self._dim

    def config(self) -> dict[str, Any]:
        """The classifier's name and settings, the layer, and whether vectors are normalised."""
        network = {"model": self.classifier.name, "settings": plain(self.classifier.config())}
        return {**network, "layer": self.layer, "normalise": self.normalise}

    def tensors(self) -> dict[str, np.ndarray]:
        """The classifier's weights."""
        return self.classifier.tensors()

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encode images float32 (N, 1, H, W) in [0, 1] to vectors float32 (N, D)."""
        images = check_images(images)
        if not len(images):
            return np.zeros((0, self.dim), np.float32)
        device = resolve_device(self.device)
        with evaluating(placed(self.classifier, device)):
            vectors = forward(self._layer, images, device, BATCH)
        return unit_length(vectors) if self.normalise else vectors

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> ClassifierEncoder:
        """Read an encoder that `save` wrote."""
        path, settings = Path(folder) / "config.json", read_config(folder, NOUN)["config"]
        try:
            network = build(settings["model"], **settings["settings"])
            encoder = cls(network, settings["layer"], settings["normalise"], device)
        except (KeyError, TypeError) as error:
            raise UserError(f"{path}: {error}; save the {NOUN} again with this version") from None
        load_weights(network, folder, NOUN)
        return encoder

    def _layer(self, batch: torch.Tensor) -> torch.Tensor:
        if self.layer == "features":
            return self.classifier.features(batch)
        logits: torch.Tensor = self.classifier(batch)
        return logits if self.layer == "logits" else self.classifier.activate(logits)


def encoder_of_classifier(spec: str, device: str = "auto") -> ClassifierEncoder:
    """The encoder named by 'classifier:DIR' or 'classifier:DIR:LAYER', DIR as `train-classifier` writes it.

    Raises `UserError` for a folder that holds no classifier and for an unknown layer.
    """
    folder, layer = spec.removeprefix(PREFIX), LAYERS[0]
    if not Path(folder).is_dir() and ":" in folder:
        folder, _, layer = folder.rpartition(":")
    choose("layer of a classifier", layer, LAYERS)
    if not Path(folder).is_dir():
        raise UserError(
            f"image encoder {spec!r}: no such folder; give {PREFIX}DIR with what train-classifier wrote"
        )
    return ClassifierEncoder(load_classifier(folder, device), layer, device=device)


def imagenet_encoder(name: str, device: str = "auto") -> ClassifierEncoder:
    """Backbone `name` with its packaged ImageNet weights as they are: features of length 1."""
    network = build(name, n_classes=1000)
    network.load_checkpoint("imagenet")  # type: ignore[operator]
    return ClassifierEncoder(network, device=device)
