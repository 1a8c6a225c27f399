"""Batch normalisation over the parts of a batch that several processes hold, on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

from cxrneighbors.training.shared import processes


class _SharedNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation (Ioffe & Szegedy 2015, algorithm 1) whose batch is that of all processes.

    `torch.nn.SyncBatchNorm` does it on GPUs and refuses a CPU's tensors.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        pass

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, ...) -> the same; the running mean and variance follow those of the whole batch."""
        if not self.training or processes()[1] == 1:
            return super().forward(input)
        axes = [0, *range(2, input.ndim)]
        shape = [1, -1, *[1] * (input.ndim - 2)]
        values = input.float()
        n = _summed(values.new_tensor(float(input.numel() // input.shape[1])))
        mean = _summed(values.sum(axes)) / n
        centred = values - mean.view(shape)
        variance = _summed(centred.square().sum(axes)) / n
        self._follow(mean.detach(), variance.detach() * n / (n - 1))
        scaled: Tensor = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            scaled = scaled * self.weight.view(shape) + self.bias.view(shape)
        return scaled.to(input.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        step = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, step)
        self.running_var.lerp_(variance, step)


def _summed(values: Tensor) -> Tensor:
    """The sum over all processes; gradients are summed on the way back."""
    total: Tensor = all_reduce(values)  # type: ignore[no-untyped-call]
    return total


def share_norms(network: nn.Module) -> None:
    """Let every batch normalisation in `network` look at all processes; weights and statistics stay."""
    for part in network.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.__class__ = _SharedNorm  # type: ignore[assignment]
