"""What several training processes share: each has a part of every batch, and a mean is one over all parts."""

from __future__ import annotations

import torch
from torch import Tensor, distributed


def processes() -> tuple[int, int]:
    """Number of this training process (from 0) and how many there are."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def part_of(n: int, rank: int, world: int) -> slice:
    """The part of n items that process `rank` of `world` has: neighbours, as many as others have within one.

    >>> [part_of(5, rank, 2) for rank in (0, 1)]
    [slice(0, 2, None), slice(2, 5, None)]
    """
    return slice(rank * n // world, (rank + 1) * n // world)


def place_of(n: int, device: torch.device) -> tuple[int, int]:
    """Where the n items of this process begin among those of all, and how many all are.

    Told by the processes rather than worked out: of a batch some films may not be readable.
    """
    rank, world = processes()
    if world == 1:
        return 0, n
    counts = torch.zeros(world, dtype=torch.int64, device=device)
    counts[rank] = n
    distributed.all_reduce(counts)
    return int(counts[:rank].sum()), int(counts.sum())


def shared_means(n: int, values: list[Tensor]) -> tuple[int, list[Tensor]]:
    """Items of the batch, and its mean of each of `values`, scalars that are means over this part's n items.

    Gradients flow to this process's own part, as many times as there are processes: the mean over processes,
    which is what distributed training takes, is then the gradient of the whole batch, however it is parted.
    """
    world = processes()[1]
    if world == 1:
        return n, values
    sums = torch.stack([value.detach().double() for value in values] + [values[0].new_ones(()).double()]) * n
    distributed.all_reduce(sums)
    total = int(sums[-1])
    whole = (sums[:-1] / sums[-1]).unbind()
    share = n * world / total
    return total, [
        mean.to(value) + share * (value - value.detach()) for mean, value in zip(whole, values, strict=True)
    ]


def gathered(values: Tensor) -> Tensor:
    """Rows (n, ...) of all processes, those of the first process first: (N, ...), where `values` are."""
    world = processes()[1]
    if world == 1:
        return values
    parts: list[Tensor] = [values] * world
    distributed.all_gather_object(parts, values.cpu())
    return torch.cat(parts).to(values.device)
