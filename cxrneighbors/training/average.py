"""A moving average of a network's weights: what is validated and kept instead of the last step's."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """A copy of `network`, in evaluation mode, that `update_parameters` moves towards it.

    Weights and buffers (batch normalisation's means and variances) are averaged, counters are copied.
    At update k (from 1) the copy keeps the share `decay_at(k, decay)` of itself; at the first it becomes
    the network (Polyak & Juditsky 1992; the warm-up is TensorFlow's ExponentialMovingAverage).
    """
    model = AveragedModel(network, multi_avg_fn=partial(_update, decay), use_buffers=True)
    return model.requires_grad_(False).eval()


def _update(decay: float, averages: Any, current: Any, updates: Tensor | int) -> None:
    if averages[0].is_floating_point():
        step = get_ema_multi_avg_fn(decay_at(int(updates) + 1, decay))  # type: ignore[no-untyped-call]
        step(averages, current, updates)
        return
    for average, value in zip(averages, current, strict=True):
        average.copy_(value)


def decay_at(update: int, decay: float) -> float:
    """What is kept of the average at an update (from 1): little at first, `decay` in the long run.

    >>> [round(decay_at(update, 0.998), 3) for update in (1, 10, 100, 10_000)]
    [0.182, 0.55, 0.918, 0.998]
    """
    return min(decay, (1 + update) / (10 + update))
