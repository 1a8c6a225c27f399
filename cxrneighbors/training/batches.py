"""Batches of positions in an order drawn from (seed, epoch), so that an interrupted training can go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from cxrneighbors.training.shared import part_of, processes


class EpochBatches(Sampler[list[int]]):
    """Lists of `positions`, one list of each of `sizes`; shuffled anew each epoch unless `seed` is None.

    The order depends on (seed, epoch) alone. Positions beyond the sum of `sizes` wait for another epoch.
    Of several training processes each takes its part of every batch (`shared.part_of`), so that the batches
    are those of one process, but that a batch too small for all of them joins the one before it.
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
        return len(joined_sizes(self.sizes, processes()[1]))

    def __iter__(self) -> Iterator[list[int]]:
        order = self.positions
        if self.seed is not None:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(order)
        rank, world = processes()
        sizes = joined_sizes(self.sizes, world)
        for end, size in zip(accumulate(sizes), sizes, strict=True):
            yield order[end - size : end][part_of(size, rank, world)].tolist()


def joined_sizes(sizes: Sequence[int], least: int) -> list[int]:
    """`sizes`, those below `least` added to the one before.

    >>> joined_sizes([4, 4, 1], 2)
    [4, 5]
    """
    joined = list(sizes[:1])
    for size in sizes[1:]:
        if size < least:
            joined[-1] += size
        else:
            joined.append(size)
    return joined


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
