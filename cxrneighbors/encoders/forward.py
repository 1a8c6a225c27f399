"""A network over many films: on a GPU the next batch is copied to it while it works on the present one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor, nn

from cxrneighbors.data.ahead import ahead
from cxrneighbors.devices import autocast, resolve_device


def forward(
    network: Callable[[Tensor], Tensor],
    images: np.ndarray,
    device: str,
    batch_size: int,
    precision: str = "auto",
) -> np.ndarray:
    """What `network` makes of images float32 (N, 1, H, W), N > 0, in batches: float32 (N, ...).

    `device`: a resolved one, where the network is. `precision`: see `devices.autocast`; half precision, whose
    numbers end at 65504, is given up for float32 where a result is NaN or infinite.
    """
    kind = torch.device(device).type
    parts = [images[start : start + batch_size] for start in range(0, len(images), batch_size)]
    batches: Iterable[Tensor] = map(torch.from_numpy, map(np.ascontiguousarray, parts))
    if kind != "cpu":
        batches = ahead(lambda part: _copied(part, device), parts)
    with torch.inference_mode(), autocast(kind, precision) as half:
        found = np.concatenate([network(batch).float().cpu().numpy() for batch in batches])
    if half and not np.isfinite(found).all():
        return forward(network, images, device, batch_size, "float32")
    return found


def placed(network: nn.Module, device: str) -> nn.Module:
    """`network`, moved to `device`; on a GPU with its weights channels last, as tensor cores want them."""
    network.to(device)
    if torch.device(device).type == "cuda":
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def page_locked(images: np.ndarray, device: str) -> np.ndarray:
    """A copy of `images` in memory that a GPU reads without waiting; themselves where `device` is none.

    `device`: 'auto', 'cpu', 'cuda'.
    """
    if device == "cpu" or not resolve_device(device).startswith("cuda"):
        return images
    locked: np.ndarray = torch.from_numpy(images).pin_memory().numpy()
    return locked


def _copied(images: np.ndarray, device: str) -> Tensor:
    """`images` on `device`; no copy is waited for. One that is page-locked already is not copied twice."""
    batch = torch.from_numpy(np.ascontiguousarray(images))
    if torch.device(device).type == "cuda":
        batch = batch.pin_memory()
    return batch.to(device, non_blocking=True)
