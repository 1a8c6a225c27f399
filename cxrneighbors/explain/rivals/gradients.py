"""Gradients of any torch classifier: a target's logit, and its gradient at the last convolutional maps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cxrneighbors.errors import UserError
from cxrneighbors.explain.predictor import Predictor


def target_logit(predictor: Predictor, images: Tensor, target: str) -> Tensor:
    """What the classifier says of `target` before its last activation: (N, C, H, W) -> float (N,).

    In full precision and differentiable, unlike `Predictor.score`. One output with two labels is the second's
    logit and minus the first's. Raises `UserError` for a plain function, which has no gradients.
    """
    if not isinstance(predictor.model, nn.Module):
        raise UserError("classifier: a plain function has no gradients; give a torch network")
    if images.shape[1] == 1 and predictor.channels == 3:
        images = images.expand(-1, 3, -1, -1)
    # cuDNN's recurrent layers have no backward pass in evaluation mode; torch's own do.
    recurrent = any(isinstance(module, nn.RNNBase) for module in predictor.model.modules())
    with torch.backends.cudnn.flags(enabled=not recurrent):
        outputs: Tensor = predictor.model(images).float()
    outputs = outputs.reshape(len(images), -1)
    column = predictor.column(target)
    if outputs.shape[1] == 1:
        return outputs[:, 0] if column == len(predictor.labels) - 1 else -outputs[:, 0]
    return outputs[:, column]


def last_maps(predictor: Predictor, images: Tensor, target: str) -> np.ndarray:
    """The last maps of one film (1, C, H, W) on its way through the network: float32 (M, h, w).

    They are the last output of any of the network's modules that still has places: four dimensions and more
    than one cell. Whatever the network is built of, these are what its head sees. Raises `UserError` where
    there are none.
    """
    with torch.no_grad(), _recorded(predictor.model) as latest:
        target_logit(predictor, images, target)
    return _array(_only(latest)[0])


def last_gradient(predictor: Predictor, images: Tensor, target: str) -> tuple[np.ndarray, np.ndarray]:
    """`last_maps` and the target logit's gradient there: float32 (M, h, w) each."""
    with torch.enable_grad(), _recorded(predictor.model) as latest:
        # Asked for at the film too, maps have a gradient even where all weights are frozen.
        logit = target_logit(predictor, images.detach().clone().requires_grad_(), target)
        (gradient,) = torch.autograd.grad(logit.sum(), _only(latest))
    return _array(_only(latest)[0]), _array(gradient[0])


@contextmanager
def _recorded(model: Any) -> Iterator[list[Tensor]]:
    """The latest output with places of any module of `model`, alone in a list, while the block runs."""
    latest: list[Tensor] = []

    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] * output.shape[3] > 1:
            latest[:] = [output]

    modules = list(model.modules())[1:] if isinstance(model, nn.Module) else []
    hooks = [module.register_forward_hook(note) for module in modules]
    try:
        yield latest
    finally:
        for hook in hooks:
            hook.remove()


def _only(latest: list[Tensor]) -> Tensor:
    if not latest:
        raise UserError("classifier: has no convolutional maps; take a method that masks the film")
    return latest[0]


def _array(values: Tensor) -> np.ndarray:
    return values.detach().float().cpu().numpy()
