"""Any classifier as one thing: images in, the score of a target that is named, out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cxrneighbors.errors import UserError, choose

if TYPE_CHECKING:
    import torch

ACTIVATIONS = ("auto", "sigmoid", "softmax", "none")


class NotFiniteError(UserError):
    """A classifier's score was NaN or infinite."""


class Predictor:
    """Scores of a classifier with named outputs.

    `labels`: its L output names. `image_size`, `aspect`: how films are to be read for it: the side of the
    square, None = any size, and 'pad' or 'crop'. `device`: where `score` expects tensors. Made by
    `as_predictor`.
    """

    def __init__(
        self,
        function: Callable[[torch.Tensor], torch.Tensor],
        labels: Sequence[str],
        device: str,
        image_size: int | None = None,
        channels: int = 1,
        aspect: str = "pad",
    ) -> None:
        self._function = function
        self.labels = tuple(labels)
        self.device = device
        self.image_size = image_size
        self.channels = channels
        self.aspect = aspect

    def column(self, target: str) -> int:
        """Position of label `target`; `UserError` lists the labels when there is no such one."""
        if target not in self.labels:
            raise UserError(
                f"target {target!r}: the classifier has no such label; use {', '.join(self.labels)}"
            )
        return self.labels.index(target)

    def score(self, images: torch.Tensor, target: str) -> torch.Tensor:
        """Score of `target`: float32 (N, C, H, W) in [0, 1] on `device` -> float32 (N,).

        Raises `UserError` for a wrong number of outputs, `NotFiniteError` for NaN or infinity.
        """
        import torch

        column = self.column(target)
        if images.shape[1] == 1 and self.channels == 3:
            images = images.expand(-1, 3, -1, -1)
        with torch.inference_mode():
            scores = self._named(self._function(images).float(), len(images))[:, column]
        bad = int((~torch.isfinite(scores)).sum())
        if bad:
            raise NotFiniteError(
                f"classifier: score of {target!r} is NaN or infinite for {bad} of {len(images)} images; "
                "check its weights and its preprocessing"
            )
        return scores

    def _named(self, scores: torch.Tensor, n_images: int) -> torch.Tensor:
        """Bring scores to (N, L); one output with two labels is the second's probability."""
        import torch

        scores = scores.reshape(-1, 1) if scores.ndim < 2 else scores
        if scores.ndim == 2 and scores.shape[1] == 1 and len(self.labels) == 2:
            scores = torch.cat([1 - scores, scores], dim=1)
        if tuple(scores.shape) != (n_images, len(self.labels)):
            raise UserError(
                f"classifier: returned scores of shape {tuple(scores.shape)} for {n_images} images and "
                f"{len(self.labels)} labels; give one label for each of its outputs, in their order"
            )
        return scores


def as_predictor(
    model: Any,
    labels: Sequence[str] | None = None,
    device: str = "auto",
    *,
    activation: str = "auto",
    image_size: int | None = None,
    channels: int = 1,
) -> Predictor:
    """Make a `Predictor` of `model`, one of:

    - a classifier of this package (labels, image size and activation are its own);
    - a torch module from images float32 (N, C, H, W) in [0, 1] to logits (N, L), (N, 1) or (N,);
    - a plain function from a NumPy array of such images to scores (N, L), (N, 1) or (N,).

    `activation`: 'sigmoid' (several labels may hold at once, or one logit), 'softmax' (exactly one holds),
    'none' (outputs are scores already); 'auto' is 'none' for a function and 'sigmoid' for a module with one
    output, and a module with more has to say. One output and two labels: it is the second's. `channels`: 3
    repeats grey films for a module that wants colour. A module is moved to `device` and put in eval mode.
    """
    if isinstance(model, Predictor):
        return model
    choose("activation", activation, ACTIVATIONS)
    names = tuple(labels if labels is not None else getattr(model, "labels", ()))
    if not names:
        raise UserError(
            "classifier: its outputs have no names; give labels=[...] in the order of its outputs"
        )
    from cxrneighbors.devices import resolve_device

    device = resolve_device(device)
    size = image_size if image_size is not None else getattr(model, "image_size", None)
    function = _function(model, names, device, activation)
    return Predictor(function, names, device, size, channels, getattr(model, "aspect", "pad"))


def _function(model: Any, labels: tuple[str, ...], device: str, activation: str) -> Callable[[Any], Any]:
    import torch

    if not isinstance(model, torch.nn.Module):
        if not callable(model):
            raise UserError(f"classifier: a {type(model).__name__} is neither a torch module nor a function")
        return lambda images: _activate(_call_numpy(model, images), activation)
    model.to(device).eval()
    if activation == "auto" and hasattr(model, "scores"):
        scores: Callable[[Any], Any] = model.scores  # type: ignore[assignment]
        return scores
    if activation == "auto" and hasattr(model, "multi_label"):
        activation = "sigmoid" if model.multi_label else "softmax"
    if activation == "auto" and len(labels) > 2:
        raise UserError(
            "classifier: a torch module with several outputs does not say what they are; "
            "give activation='sigmoid' (several findings at once), 'softmax' or 'none'"
        )
    return lambda images: _module_scores(model(images), activation)


def _module_scores(outputs: torch.Tensor, activation: str) -> torch.Tensor:
    if activation == "auto":
        activation = "sigmoid" if outputs.ndim < 2 or outputs.shape[1] == 1 else "softmax"
    return _activate(outputs, activation)


def _call_numpy(function: Callable[[np.ndarray], Any], images: torch.Tensor) -> torch.Tensor:
    import torch

    scores = np.asarray(function(images.detach().cpu().numpy()), dtype=np.float32)
    return torch.from_numpy(np.ascontiguousarray(scores))


def _activate(outputs: torch.Tensor, activation: str) -> torch.Tensor:
    if activation == "sigmoid":
        return outputs.float().sigmoid()
    return outputs.float().softmax(1) if activation == "softmax" else outputs
