"""Masked films: what is masked, and what stands there instead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.segments import segment_means

Fill = str | float  # one of FILLS, or any grey in [0, 1]
FILLS = ("grey", "black", "mean", "blur", "neighbour")
GREY, BLACK = 0.5, 0.0
LEVELS = {"grey": GREY, "black": BLACK}


def check_fill(fill: Fill, known: tuple[str, ...] = FILLS, kind: str = "fill") -> None:
    """Raise a `UserError` unless `fill` is one of `known`, or a level in [0, 1] where grey is among them."""
    if isinstance(fill, str) or "grey" not in known:
        choose(kind, str(fill), known)
    elif not 0 <= fill <= 1:
        raise UserError(f"{kind} {fill:g}: a grey must lie in [0, 1], 0 black and 1 white")


def read_fill(text: str) -> Fill:
    """A fill as a command line spells it: a number is a grey, everything else a name.

    >>> read_fill("black"), read_fill("0.25")
    ('black', 0.25)
    """
    try:
        return float(text)
    except ValueError:
        return text


@dataclass(frozen=True)
class MaskedFilms:
    """What to mask and how: N masked films of M sources.

    `sources`: float32 (M, C, H, W) in [0, 1]; `segments`: int (H, W) in 0..S-1; `masks`: (N, S) in {0, 1},
    1 = kept; `source`: int (N,) in 0..M-1. `fill` is what stands in masked segments:

    - 'grey': 0.5; 'black': 0; a number: that grey in [0, 1], as `hide_color` of the `lime` package;
    - 'mean': each segment's mean, channel by channel (`hide_color=None`, the default of the package);
    - 'blur': the same film blurred by a Gaussian of 1/16 of its longer side;
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
    fill: Fill = "grey"
    feather: float = 0.0

    def __post_init__(self) -> None:
        check_fill(self.fill)
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
        cls, pixels: np.ndarray, segments: np.ndarray, masks: np.ndarray, fill: Fill = "grey"
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
    level = LEVELS.get(films.fill) if isinstance(films.fill, str) else films.fill
    if level is not None:
        return np.full((1, 1, 1, 1), level, dtype=np.float32)
    if films.fill == "mean":
        means = [[segment_means(channel, films.segments) for channel in film] for film in films.sources]
        return np.array(means)[..., films.segments].astype(np.float32)
    from scipy.ndimage import gaussian_filter

    sigma = max(films.segments.shape) / 16
    return np.asarray(gaussian_filter(films.sources.astype(np.float32), (0, 0, sigma, sigma)))
