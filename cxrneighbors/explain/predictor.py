"""Any classifier as one thing: masked films in, the score of a target that is named, out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.devices import PRECISIONS, autocast, resolve_device
from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.batches import Batches
from cxrneighbors.explain.perturb import MaskedFilms

Model = nn.Module | Callable[[np.ndarray], Any]


@dataclass
class Predictor:
    """A classifier with L named outputs on its device.

    `model`, one of:

    - a classifier of this package (labels, image size, aspect and activation are its own);
    - a torch module from images float32 (N, C, H, W) in [0, 1] to logits (N, L), (N, 1) or (N,);
    - a plain function from a NumPy array of such images to scores (N, L), (N, 1) or (N,).

    A module is moved to `device` and put in eval mode. `labels`: names of the outputs; for one output and two
    labels it is the second's. `activation`: 'sigmoid' (several labels may hold at once, or one logit),
    'softmax' (exactly one holds), 'none' (outputs are scores already); 'auto' is 'none' for a function and
    'sigmoid' for a module with one output, and a module with more than two has to say. `image_size`,
    `aspect`: how films are read for it, by default as the model says: the side of the square, None = any
    size, and 'pad' or 'crop'.
    `channels`: 3 repeats grey films for a module that wants colour. `batch_size`: films a batch; None finds
    one by the device's memory. Scores do not depend on it (1e-4). `precision`: 'auto' is half-precision
    autocast on a GPU and float32 elsewhere; 'float32' everywhere; 'bfloat16' is autocast to it everywhere,
    with weights laid out channels last: three times as fast on a CPU that has instructions for it, scores a
    hundredth of themselves off.
    """

    model: Model
    labels: Sequence[str] = ()
    device: str = "auto"
    activation: str = "auto"
    image_size: int | None = None
    aspect: str = ""
    channels: int = 1
    batch_size: int | None = None
    precision: str = "auto"
    batches: Batches = field(init=False, repr=False)

    def __post_init__(self) -> None:
        choose("activation", self.activation, ("auto", "sigmoid", "softmax", "none"))
        choose("precision", self.precision, PRECISIONS)
        if not callable(self.model):
            kind = type(self.model).__name__
            raise UserError(f"classifier: a {kind} is neither a torch module nor a function")
        self.labels = tuple(self.labels or getattr(self.model, "labels", ()))
        if not self.labels:
            raise UserError(
                "classifier: its outputs have no names; give labels=[...] in the order of its outputs"
            )
        self.device = resolve_device(self.device)
        self.batches = Batches(self.device, self.batch_size)
        if self.image_size is None:
            self.image_size = getattr(self.model, "image_size", None)
        self.aspect = self.aspect or getattr(self.model, "aspect", "pad")
        if isinstance(self.model, nn.Module):
            unsaid = self.activation == "auto" and not isinstance(self.model, Classifier)
            if unsaid and len(self.labels) > 2:
                raise UserError(
                    "classifier: a torch module with several outputs does not say what they are; "
                    "give activation='sigmoid' (several findings at once), 'softmax' or 'none'"
                )
            self.model.to(self.device).eval()
            if self.precision == "bfloat16":
                self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def column(self, target: str) -> int:
        """Position of label `target`; `UserError` lists the labels when there is no such one."""
        return self.labels.index(choose("target", target, tuple(self.labels)))

    def scores(self, films: MaskedFilms, target: str) -> np.ndarray:
        """Score of `target` for each masked film: float64 (N,). A batch too large for memory is halved."""
        found = self.batches.each(films, lambda images: self.score(images, target).cpu().numpy())
        return found.astype(np.float64)

    def score(self, images: Tensor, target: str) -> Tensor:
        """Score of `target`: float32 (N, C, H, W) in [0, 1] on `device` -> float32 (N,).

        Raises `UserError` for a wrong number of outputs, NaN or infinity.
        """
        column = self.column(target)
        if images.shape[1] == 1 and self.channels == 3:
            images = images.expand(-1, 3, -1, -1)
        with torch.inference_mode(), autocast(images.device.type, self.precision) as half:
            scores = self._named(self._outputs(images).float(), len(images))[:, column]
        bad = int((~torch.isfinite(scores)).sum())
        if bad and half:
            # Half precision ends at 65504: a network with larger activations is run in float32.
            self.precision = "float32"
            return self.score(images, target)
        if bad:
            raise UserError(
                f"classifier: score of {target!r} is NaN or infinite for {bad} of {len(images)} images; "
                "check its weights and its preprocessing"
            )
        return scores

    def _outputs(self, images: Tensor) -> Tensor:
        """Images on the device to scores (N, L), (N, 1) or (N,), whatever the model is."""
        activation = self.activation
        if isinstance(self.model, Classifier) and activation == "auto":
            return self.model.scores(images)
        if isinstance(self.model, nn.Module):
            outputs: Tensor = self.model(images).float()
            if activation == "auto":
                activation = "sigmoid" if outputs.ndim < 2 or outputs.shape[1] == 1 else "softmax"
        else:
            scores = self.model(images.cpu().numpy())
            outputs = torch.from_numpy(np.ascontiguousarray(scores, dtype=np.float32))
        if activation == "sigmoid":
            return outputs.sigmoid()
        return outputs.softmax(1) if activation == "softmax" else outputs

    def _named(self, scores: Tensor, n_images: int) -> Tensor:
        """Bring scores to (N, L); one output with two labels is the second's probability."""
        scores = scores.reshape(-1, 1) if scores.ndim < 2 else scores
        if scores.ndim == 2 and scores.shape[1] == 1 and len(self.labels) == 2:
            scores = torch.cat([1 - scores, scores], dim=1)
        if tuple(scores.shape) != (n_images, len(self.labels)):
            raise UserError(
                f"classifier: returned scores of shape {tuple(scores.shape)} for {n_images} images and "
                f"{len(self.labels)} labels; give one label for each of its outputs, in their order"
            )
        return scores
