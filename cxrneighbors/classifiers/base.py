"""What every classifier offers, and the folder in which one is stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from cxrneighbors.devices import resolve_device
from cxrneighbors.errors import UserError
from cxrneighbors.models import SavedModel, state_arrays
from cxrneighbors.progress import track

NOUN = "classifier"  # what config.json calls it


class Classifier(SavedModel, nn.Module, ABC):
    """A network from images to one score per label.

    An image is a batch entry of float (B, 1 or 3, H, W) in [0, 1], of any size; whatever the network needs
    beyond that (size, crop, mean and deviation, colour channels) happens inside `forward`, so that no caller
    can forget it. `labels`: the C findings or classes in the order of the outputs. `multi_label`: outputs are
    independent (sigmoid); otherwise they exclude each other (softmax). `image_size`, `aspect`: how
    `data.pixels.load_images` should read files for it: pixels a side, and 'pad' or 'crop'.

    A subclass sets `name`, takes `labels` first in its constructor, and keeps every argument of it in an
    attribute of the same name: together they are its `config`.
    """

    noun = NOUN
    aspect = "pad"
    # What `train_classifier` takes where its caller does not say (fields of `ClassifierSettings`).
    training_defaults: ClassVar[dict[str, Any]] = {}
    # Constructor arguments that `starting_model` takes where its caller does not say.
    starting_options: ClassVar[dict[str, Any]] = {}

    def __init__(self, labels: Sequence[str], image_size: int, multi_label: bool) -> None:
        super().__init__()
        self.labels = check_labels(labels, multi_label)
        self.image_size = int(image_size)
        self.multi_label = bool(multi_label)

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """Penultimate activations float (B, D), what the last layer sees, of images as in `forward`."""

    @abstractmethod
    def classify(self, features: Tensor) -> Tensor:
        """Logits float (B, C) of features (B, D): the last layer."""

    @property
    def seen(self) -> float:
        """Share of the shorter side of an image that the last maps cover, a square in its middle; 1 where
        they cover the whole image."""
        return 1.0

    def forward(self, images: Tensor) -> Tensor:
        """Logits float (B, C) of images float (B, 1 or 3, H, W) in [0, 1]."""
        return self.classify(self.features(images))

    def scores(self, images: Tensor) -> Tensor:
        """Probabilities float (B, C) in [0, 1]: sigmoid of each logit, or softmax over the C classes."""
        return self.activate(self(images))

    def activate(self, logits: Tensor) -> Tensor:
        """Turn logits (..., C) into probabilities."""
        return logits.sigmoid() if self.multi_label else logits.softmax(-1)

    def predict(self, images: np.ndarray, batch_size: int = 64, device: str = "auto") -> np.ndarray:
        """Probabilities float32 (N, C) of images float32 (N, 1 or 3, H, W) in [0, 1], in evaluation mode."""
        images = np.asarray(images, dtype=np.float32)
        if images.ndim != 4 or images.shape[1] not in (1, 3):
            raise ValueError(f"images must be (N, 1 or 3, H, W) in [0, 1], got shape {images.shape}")
        place = resolve_device(device)
        result = np.zeros((len(images), len(self.labels)), dtype=np.float32)
        with evaluating(self.to(place)), torch.inference_mode():
            for start in track(range(0, len(images), batch_size), "classifying"):
                batch = torch.from_numpy(np.ascontiguousarray(images[start : start + batch_size])).to(place)
                result[start : start + batch_size] = self.scores(batch).float().cpu().numpy()
        return result

    def tensors(self) -> dict[str, np.ndarray]:
        """The state dict as arrays."""
        return state_arrays(self)


def check_labels(labels: Sequence[str], multi_label: bool) -> tuple[str, ...]:
    """Return `labels` as a tuple; raise `UserError` for duplicates or too few of them."""
    labels = tuple(str(label) for label in labels)
    least = 1 if multi_label else 2
    if len(labels) < least:
        kind = "a multi-label" if multi_label else "a single-label"
        raise UserError(f"labels: {len(labels)} given; {kind} classifier needs at least {least}")
    doubled = [label for label in labels if labels.count(label) > 1]
    if doubled:
        raise UserError(f"labels: {doubled[0]!r} is listed twice; list every label once")
    return labels


@contextmanager
def evaluating(model: nn.Module) -> Iterator[nn.Module]:
    """Put `model` into evaluation mode and back into the mode it was in."""
    training = model.training
    model.eval()
    try:
        yield model
    finally:
        model.train(training)
