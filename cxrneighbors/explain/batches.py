"""Batches of masked films that fit the device's memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch

from cxrneighbors.errors import UserError
from cxrneighbors.explain.perturb import Composer, MaskedFilms

MAX_BATCH = 512


class Batches:
    """Films a batch on one device: `size`, or what its memory holds, halved whenever memory runs out.

        for batch in batches.of(films):
            with batch as images:
                results.append(function(images))

    A batch whose block runs out of memory comes again, in smaller ones.
    """

    def __init__(self, device: str, size: int | None = None) -> None:
        if size is not None and size < 1:
            raise UserError(f"batch size {size}: must be at least 1")
        self.device = device
        self.size = size or _usual_size(device)

    def of(self, films: MaskedFilms) -> Iterator[AbstractContextManager[torch.Tensor]]:
        """Blocks of images float32 (B, C, H, W) on the device, in the order of `films`."""
        compose, ends = Composer(films, self.device), [0]
        with _deterministic():
            while ends[-1] < len(films):
                yield self._block(compose, ends, min(ends[-1] + self.size, len(films)))

    @contextmanager
    def _block(self, compose: Composer, ends: list[int], stop: int) -> Iterator[torch.Tensor]:
        """Images up to row `stop`, from the last of `ends`, to which it is added if the block ends well."""
        start = ends[-1]
        try:
            yield compose(start, stop)
        except (RuntimeError, MemoryError) as error:
            text = str(error).lower()
            out = isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) or "not enough memory" in text
            if not out:
                raise
            if stop - start <= 1:
                raise UserError(
                    f"classifier: device {self.device} has no memory for one film; use another device"
                ) from None
            self.size = (stop - start) // 2
            if self.device.startswith("cuda"):
                torch.cuda.empty_cache()
        else:
            ends.append(stop)


def _usual_size(device: str) -> int:
    if not device.startswith("cuda"):
        return 32
    # By total, not by free memory: the same device gives the same batches, run after run.
    memory = torch.cuda.get_device_properties(device).total_memory
    return int(min(MAX_BATCH, max(8, memory // 2**27)))


@contextmanager
def _deterministic() -> Iterator[None]:
    """cuDNN's deterministic algorithms inside the block."""
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before
