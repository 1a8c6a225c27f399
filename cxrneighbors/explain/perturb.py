"""The perturbation engine: masked films made on the device, batch by batch, and put through a function.

Only the source films and their fills are held; of the N masked films one batch exists at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.latent import encode_films
from cxrneighbors.explain.predictor import NotFiniteError, Predictor

if TYPE_CHECKING:
    import torch

FILLS = ("grey", "mean", "blur", "neighbour")
GREY = 0.5
PRECISIONS = ("auto", "float32")
MAX_BATCH = 512


@dataclass(frozen=True)
class MaskedFilms:
    """What to mask and how: N masked films of M sources.

    `sources`: float32 (M, C, H, W) in [0, 1]; `segments`: int (H, W) in 0..S-1; `masks`: (N, S) in {0, 1},
    1 = kept; `source`: int (N,) in 0..M-1. `fill` is what stands in masked segments:

    - 'grey': 0.5; 'mean': each segment's mean, channel by channel (the `lime` package's default); 'blur': the
      same film blurred by a Gaussian of 1/16 of its longer side;
    - 'neighbour': film n keeps segments of `sources[0]`, the target, and has the pixels of
      `sources[source[n]]`, a neighbour, in masked ones.
    """

    sources: np.ndarray
    segments: np.ndarray
    masks: np.ndarray
    source: np.ndarray
    fill: str = "grey"

    def __post_init__(self) -> None:
        choose("fill", self.fill, FILLS)
        if self.sources.ndim != 4 or self.segments.shape != self.sources.shape[2:]:
            raise ValueError(
                f"sources must be (M, C, H, W) and segments (H, W), "
                f"got {self.sources.shape} and {self.segments.shape}"
            )
        if self.masks.ndim != 2 or self.masks.shape[1] <= self.segments.max():
            raise ValueError(f"masks must be (N, {self.segments.max() + 1}), got {self.masks.shape}")
        if self.source.shape != (len(self.masks),):
            raise ValueError(f"source must be ({len(self.masks)},), got {self.source.shape}")

    def __len__(self) -> int:
        return len(self.masks)


class PerturbationEngine:
    """Puts masked films through a predictor or an encoder.

    `batch_size`: films a batch; None finds one by the device's memory and halves it when memory runs out.
    Results do not depend on it (1e-4). `precision`: 'auto' is half-precision autocast on a GPU and float32
    elsewhere; 'float32' everywhere. `n_scored`: films the classifier has seen, the cost of an explanation.
    """

    def __init__(self, predictor: Predictor, batch_size: int | None = None, precision: str = "auto") -> None:
        if batch_size is not None and batch_size < 1:
            raise UserError(f"batch size {batch_size}: must be at least 1")
        self.predictor = predictor
        self.precision = choose("precision", precision, PRECISIONS)
        self.batch_size = batch_size
        self.n_scored = 0

    def scores(self, films: MaskedFilms, target: str) -> np.ndarray:
        """The predictor's score of `target` for each masked film: float64 (N,)."""
        column = self._map(films, lambda batch: self._score(batch, target))
        self.n_scored += len(films)
        return column.astype(np.float64)

    def latents(self, films: MaskedFilms, encoder: Any) -> np.ndarray:
        """An image encoder's vectors of the masked films, at the encoder's own image size: float32 (N, D)."""
        return self._map(films, lambda batch: encode_films(encoder, batch))

    def _score(self, batch: torch.Tensor, target: str) -> np.ndarray:
        import torch

        if self.precision == "auto" and batch.device.type == "cuda":
            try:
                with torch.autocast("cuda", dtype=torch.float16):
                    return self.predictor.score(batch, target).cpu().numpy()
            except NotFiniteError:
                # Half precision ends at 65504: a network with larger activations is run in float32.
                self.precision = "float32"
        return self.predictor.score(batch, target).cpu().numpy()

    def _map(self, films: MaskedFilms, function: Callable[[torch.Tensor], np.ndarray]) -> np.ndarray:
        compose = _Composer(films, self.predictor.device)
        results: list[np.ndarray] = []
        start = 0
        with _deterministic(self.predictor.device):
            while start < len(films):
                stop = min(start + self._size(), len(films))
                try:
                    results.append(np.asarray(function(compose(start, stop))))
                    start = stop
                except (RuntimeError, MemoryError) as error:
                    self._shrink(error, stop - start)
        return np.concatenate(results)

    def _size(self) -> int:
        if self.batch_size is None:
            self.batch_size = 32
            if self.predictor.device.startswith("cuda"):
                import torch

                # By total, not by free memory: the same device gives the same batches, run after run.
                memory = torch.cuda.get_device_properties(self.predictor.device).total_memory
                self.batch_size = int(min(MAX_BATCH, max(8, memory // 2**27)))
        return self.batch_size

    def _shrink(self, error: BaseException, size: int) -> None:
        """Halve the batch after it ran out of memory; any other error goes on its way."""
        import torch

        text = str(error).lower()
        if not (isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) or "not enough memory" in text):
            raise error
        if size <= 1:
            raise UserError(
                f"classifier: device {self.predictor.device} has no memory for one film; use another device"
            ) from None
        self.batch_size = size // 2
        if self.predictor.device.startswith("cuda"):
            torch.cuda.empty_cache()


class _Composer:
    """Masked films of rows start..stop-1 by gathers on the device: float32 (B, C, H, W)."""

    def __init__(self, films: MaskedFilms, device: str) -> None:
        import torch

        self._torch = torch
        neighbour = films.fill == "neighbour"
        self._base = torch.from_numpy(np.ascontiguousarray(films.sources, dtype=np.float32)).to(device)
        self._fill = self._base if neighbour else torch.from_numpy(fill_images(films)).to(device)
        self._segments = torch.from_numpy(films.segments.astype(np.int64)).to(device)
        self._kept = torch.from_numpy(films.masks.astype(bool)).to(device)
        source = torch.from_numpy(films.source.astype(np.int64)).to(device)
        self._base_row = torch.zeros_like(source) if neighbour else source
        self._fill_row = source if len(self._fill) > 1 else torch.zeros_like(source)

    def __call__(self, start: int, stop: int) -> torch.Tensor:
        rows = slice(start, stop)
        kept = self._kept[rows][:, self._segments].unsqueeze(1)
        base, fill = self._base[self._base_row[rows]], self._fill[self._fill_row[rows]]
        return self._torch.where(kept, base, fill)


def fill_images(films: MaskedFilms) -> np.ndarray:
    """What masked segments show: float32 (M, C, H, W), or (1, 1, 1, 1) for one grey; not for 'neighbour'."""
    if films.fill == "grey":
        return np.full((1, 1, 1, 1), GREY, dtype=np.float32)
    if films.fill == "mean":
        return np.stack([segment_means(film, films.segments) for film in films.sources])
    from scipy.ndimage import gaussian_filter

    sigma = max(films.segments.shape) / 16
    return gaussian_filter(films.sources.astype(np.float32), (0, 0, sigma, sigma))


def segment_means(film: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Each pixel's segment mean, channel by channel: float32 (C, H, W), int (H, W) -> float32 (C, H, W)."""
    counts = np.maximum(np.bincount(segments.ravel()), 1)
    means = [np.bincount(segments.ravel(), weights=channel.ravel()) / counts for channel in film]
    return np.stack([mean[segments] for mean in means]).astype(np.float32)


@contextmanager
def _deterministic(device: str) -> Iterator[None]:
    """On a GPU, cuDNN's deterministic algorithms inside the block."""
    import torch

    if not device.startswith("cuda"):
        yield
        return
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before
