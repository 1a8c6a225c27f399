"""Masked films: what is masked, and what stands there instead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.segments import segment_means

FILLS = ("grey", "mean", "blur", "neighbour")
GREY = 0.5


@dataclass(frozen=True)
class MaskedFilms:
    """What to mask and how: N masked films of M sources.

    `sources`: float32 (M, C, H, W) in [0, 1]; `segments`: int (H, W) in 0..S-1; `masks`: (N, S) in {0, 1},
    1 = kept; `source`: int (N,) in 0..M-1. `fill` is what stands in masked segments:

    - 'grey': 0.5; 'mean': each segment's mean, channel by channel (the `lime` package's default); 'blur': the
      same film blurred by a Gaussian of 1/16 of its longer side;
    - 'neighbour': film n keeps segments of `sources[0]`, the target, and has the pixels of
      `sources[source[n]]`, a neighbour, in masked ones. With `source` int (N, S) each masked segment has a
      neighbour of its own: segment s of film n shows `sources[source[n, s]]`.

    `feather`: standard deviation in pixels of the Gaussian that softens the borders between what is kept and
    what is filled in, and between neighbours; 0 leaves them sharp.
    """

    sources: np.ndarray
    segments: np.ndarray
    masks: np.ndarray
    source: np.ndarray
    fill: str = "grey"
    feather: float = 0.0

    def __post_init__(self) -> None:
        choose("fill", self.fill, FILLS)
        if self.sources.ndim != 4 or self.segments.shape != self.sources.shape[2:]:
            raise ValueError(
                f"sources must be (M, C, H, W) and segments (H, W), "
                f"got {self.sources.shape} and {self.segments.shape}"
            )
        if self.masks.ndim != 2 or self.masks.shape[1] <= self.segments.max():
            raise ValueError(f"masks must be (N, {self.segments.max() + 1}), got {self.masks.shape}")
        allowed = [(len(self.masks),)] + [self.masks.shape] * (self.fill == "neighbour")
        if self.source.shape not in allowed:
            shapes = " or ".join(map(str, allowed))
            raise ValueError(f"source must be {shapes}, got {self.source.shape}")
        if not 0 <= self.feather < np.inf:
            raise UserError(f"feather {self.feather}: a width in pixels, 0 for sharp borders")

    @classmethod
    def of_one(
        cls, pixels: np.ndarray, segments: np.ndarray, masks: np.ndarray, fill: str = "grey"
    ) -> MaskedFilms:
        """Masked films of one film (C, H, W)."""
        return cls(pixels[None], segments, masks, np.zeros(len(masks), dtype=np.int64), fill)

    @classmethod
    def unmasked(cls, pixels: np.ndarray) -> MaskedFilms:
        """One film (C, H, W) as it is."""
        return cls.of_one(pixels, np.zeros(pixels.shape[1:], dtype=np.int64), np.ones((1, 1), dtype=np.uint8))

    def __len__(self) -> int:
        return len(self.masks)


def fill_images(films: MaskedFilms) -> np.ndarray:
    """What masked segments show: float32 (M, C, H, W), or (1, 1, 1, 1) for one grey; not for 'neighbour'."""
    if films.fill == "grey":
        return np.full((1, 1, 1, 1), GREY, dtype=np.float32)
    if films.fill == "mean":
        means = [[segment_means(channel, films.segments) for channel in film] for film in films.sources]
        return np.array(means)[..., films.segments].astype(np.float32)
    from scipy.ndimage import gaussian_filter

    sigma = max(films.segments.shape) / 16
    return np.asarray(gaussian_filter(films.sources.astype(np.float32), (0, 0, sigma, sigma)))
