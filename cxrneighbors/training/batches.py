"""Batches of positions in an order drawn from (seed, epoch), so that an interrupted training can go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import distributed
from torch.utils.data import DataLoader, Dataset, Sampler


class EpochBatches(Sampler[list[int]]):
    """Lists of `positions`, one list of each of `sizes`; shuffled anew each epoch unless `seed` is None.

    The order depends on (seed, epoch) alone. Positions beyond the sum of `sizes` wait for another epoch.
    Among several training processes each takes every n-th batch, all equally many.
    """

    def __init__(self, positions: Sequence[int] | np.ndarray, sizes: Sequence[int], seed: int | None) -> None:
        self.positions = np.asarray(positions, dtype=np.int64)
        self.sizes = list(sizes)
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this at the start of each epoch, a resumed one included."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.sizes) // _processes()[1])

    def __iter__(self) -> Iterator[list[int]]:
        order = self.positions
        if self.seed is not None:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(order)
        ends = list(accumulate(self.sizes))
        rank, world = _processes()
        for number in range(rank, len(self) * world, world):
            end, size = ends[number % len(ends)], self.sizes[number % len(ends)]
            yield order[end - size : end].tolist()


def even_sizes(n: int, n_batches: int) -> list[int]:
    """Sizes of `n_batches` batches of n items, equal to within one.

    >>> even_sizes(33, 2)
    [17, 16]
    """
    size, rest = divmod(n, n_batches)
    return [size + (number < rest) for number in range(n_batches)]


def full_sizes(n: int, size: int, least: int = 1) -> list[int]:
    """Sizes of batches of `size` and of the rest, which is left out below `least` unless it is all there is.

    >>> full_sizes(9, 4), full_sizes(9, 4, least=2), full_sizes(1, 4, least=2)
    ([4, 4, 1], [4, 4], [1])
    """
    full, rest = divmod(n, size)
    return [size] * full + [rest] * (rest >= least or (rest > 0 and not full))


def batch_loader(items: Dataset[Any], batches: EpochBatches, workers: int = 0) -> DataLoader[Any]:
    """A loader of `items[positions]` for each list of positions; `workers`: processes that read ahead."""
    # A generator of its own: the loader would draw its workers' seed from the global one otherwise.
    return DataLoader(
        items,
        sampler=batches,
        batch_size=None,
        collate_fn=_as_it_is,
        num_workers=workers,
        persistent_workers=workers > 0,
        generator=torch.Generator(),
    )


def _as_it_is(batch: Any) -> Any:
    return batch


def _processes() -> tuple[int, int]:
    """Number of this training process and how many there are."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1
