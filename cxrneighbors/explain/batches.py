"""Batches of masked films, made on the device by gathers, of a size that fits its memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from cxrneighbors.errors import UserError
from cxrneighbors.explain.perturb import MaskedFilms, fill_images

MAX_BATCH = 512


class Batches:
    """Films a batch on one device: `size`, or what its memory holds."""

    def __init__(self, device: str, size: int | None = None) -> None:
        if size is not None and size < 1:
            raise UserError(f"batch size {size}: must be at least 1")
        self.device = device
        self.size = size or _usual_size(device)

    def of(self, films: MaskedFilms) -> Iterator[torch.Tensor]:
        """Images float32 (B, C, H, W) on the device, in the order of `films`; one batch exists at a time."""
        neighbour = films.fill == "neighbour"
        sources = self._tensor(films.sources, np.float32)
        fills = sources if neighbour else self._tensor(fill_images(films), np.float32)
        segments, masks = self._tensor(films.segments, np.int64), self._tensor(films.masks, bool)
        source = self._tensor(films.source, np.int64)
        base_row = torch.zeros_like(source) if neighbour else source
        fill_row = source if len(fills) > 1 else torch.zeros_like(source)
        with _deterministic():
            for start in range(0, len(films), self.size):
                rows = slice(start, start + self.size)
                kept = masks[rows][:, segments].unsqueeze(1)
                yield torch.where(kept, sources[base_row[rows]], fills[fill_row[rows]])

    def shrink(self, error: Exception) -> None:
        """Halve the size after memory ran out; any other error goes on its way."""
        out = isinstance(error, MemoryError | torch.cuda.OutOfMemoryError)
        if not (out or "not enough memory" in str(error).lower()):
            raise error
        if self.size <= 1:
            raise UserError(
                f"classifier: device {self.device} has no memory for one film; use another device"
            ) from None
        self.size //= 2
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()

    def _tensor(self, values: np.ndarray, dtype: type) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=dtype)).to(self.device)


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
