"""Batches of masked films, made on the device by gathers, of a size that fits its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cxrneighbors.compiled import compiled
from cxrneighbors.devices import halved
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

    def of(self, films: MaskedFilms) -> Iterator[Tensor]:
        """Images float32 (B, C, H, W) on the device, in the order of `films`; one batch exists at a time."""
        return self._composed(films) if self.device == "cpu" and not films.feather else self._gathered(films)

    def _gathered(self, films: MaskedFilms) -> Iterator[Tensor]:
        """By torch, on any device: from maps of which film is shown at each pixel."""
        neighbour = films.fill == "neighbour"
        sources = self._tensor(films.sources, np.float32)
        fills = sources if neighbour else self._tensor(fill_images(films), np.float32)
        segments, masks = self._tensor(films.segments, np.int64), self._tensor(films.masks, bool)
        source = self._tensor(films.source, np.int64)
        base_row = torch.zeros_like(source[:, 0] if source.ndim == 2 else source) if neighbour else source
        fill_row = source if len(fills) > 1 else torch.zeros_like(source)
        compose = partial(_feathered, sigma=films.feather) if films.feather else _pasted
        with _deterministic():
            for start in range(0, len(films), self.size):
                rows = slice(start, start + self.size)
                shown = fill_row[rows]
                shown = shown[:, segments] if shown.ndim == 2 else shown
                yield compose(sources[base_row[rows]], fills, masks[rows][:, segments], shown)

    def _composed(self, films: MaskedFilms) -> Iterator[Tensor]:
        """By a loop over pixels, without maps."""
        n_films, channels, area = len(films.sources), films.sources.shape[1], films.segments.size
        sources = np.ascontiguousarray(films.sources, dtype=np.float32).reshape(n_films, channels, area)
        neighbour = films.fill == "neighbour"
        fills = sources
        if not neighbour:
            images = fill_images(films)
            fills = np.broadcast_to(images, (len(images), *films.sources.shape[1:])).reshape(
                -1, channels, area
            )
        runs = _runs(films.segments.ravel())
        source = np.ascontiguousarray(films.source, dtype=np.int64)
        base = np.zeros(len(films), dtype=np.int64) if neighbour else source
        shown = source if len(fills) > 1 else np.zeros_like(source)
        shown = np.broadcast_to(shown if shown.ndim == 2 else shown[:, None], films.masks.shape)
        for start in range(0, len(films), self.size):
            rows = slice(start, start + self.size)
            kept = np.ascontiguousarray(films.masks[rows], dtype=bool)
            made = np.empty((len(kept), channels, area), dtype=np.float32)
            _compose(sources, base[rows], fills, shown[rows], kept, *runs, made)
            yield torch.from_numpy(made.reshape(len(kept), *films.sources.shape[1:]))

    def each(self, films: MaskedFilms, function: Callable[[Tensor], np.ndarray]) -> np.ndarray:
        """`function` of each batch, joined: (N, ...). A batch too large for memory is halved."""
        while True:
            try:
                return np.concatenate([function(images) for images in self.of(films)])
            except (RuntimeError, MemoryError) as error:
                noun = f"classifier: device {self.device} has no memory for one film"
                self.size = halved(self.size, error, self.device, noun)

    def _tensor(self, values: np.ndarray, dtype: type) -> Tensor:
        return torch.from_numpy(np.require(values, dtype, ["C", "W"])).to(self.device)


def _runs(segments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stretches of one segment along int (A,): their starts, and A, int64 (R + 1,); their segments (R,)."""
    segments = segments.astype(np.int64)
    starts = np.flatnonzero(np.diff(segments, prepend=-1))
    return np.append(starts, segments.size), segments[starts]


@compiled
def _compose(
    sources: np.ndarray,
    base: np.ndarray,
    fills: np.ndarray,
    shown: np.ndarray,
    kept: np.ndarray,
    starts: np.ndarray,
    segments: np.ndarray,
    made: np.ndarray,
) -> None:
    """Films (B, C, A): `sources[base[b]]` where film b keeps a pixel's segment, else `fills[shown[b, s]]`.

    By runs of pixels, see `_runs`: copying a run is several times as fast as asking at each pixel.
    """
    for film in range(len(made)):
        for channel in range(made.shape[1]):
            line = made[film, channel]
            for run in range(len(segments)):
                segment = segments[run]
                if kept[film, segment]:
                    shows = sources[base[film], channel]
                else:
                    shows = fills[shown[film, segment], channel]
                here, there = line[starts[run] : starts[run + 1]], shows[starts[run] : starts[run + 1]]
                for pixel in range(len(here)):
                    here[pixel] = there[pixel]


def _pasted(base: Tensor, fills: Tensor, kept: Tensor, shown: Tensor) -> Tensor:
    """Films (B, C, H, W) with `fills` (M, C, H, W) where `kept` bool (B, H, W) does not hold.

    `shown`: which of the fills, int (B,), or pixel by pixel, (B, H, W).
    """
    if shown.ndim == 1:
        return torch.where(kept.unsqueeze(1), base, fills[shown])
    rows = shown.flatten(1).unsqueeze(1).expand(-1, base.shape[1], -1)
    return torch.where(kept.unsqueeze(1), base, fills.flatten(2).gather(0, rows).view_as(base))


def _feathered(base: Tensor, fills: Tensor, kept: Tensor, shown: Tensor, sigma: float) -> Tensor:
    """As `_pasted`, the areas' edges softened: each area's share of a pixel is its blurred mask.

    Shares of a pixel add up to 1, so far from an edge the film is that of `_pasted`.
    """
    share = _softened(kept, sigma)
    if shown.ndim == 1:
        return torch.lerp(fills[shown].expand_as(base), base, share)
    film = share * base
    for number in range(len(fills)):
        film = film + _softened((shown == number) & ~kept, sigma) * fills[number]
    return film


def _softened(areas: Tensor, sigma: float) -> Tensor:
    """Masks bool (B, H, W) blurred by a Gaussian cut at 3 sigma, edges repeated: float32 (B, 1, H, W)."""
    reach = max(1, round(3 * sigma))
    steps = torch.arange(-reach, reach + 1, device=areas.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
    kernel = kernel / kernel.sum()
    soft = F.pad(areas.float().unsqueeze(1), (reach,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(soft, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))


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
