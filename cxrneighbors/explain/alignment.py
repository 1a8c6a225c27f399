"""Laying a donor film on the target: the same anatomy at the same pixels, in the same shades of grey."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cxrneighbors.errors import choose
from cxrneighbors.lungs.frames import lung_edges
from cxrneighbors.lungs.rule import find_lungs
from cxrneighbors.lungs.segmenter import LungSegmenter

REGISTRATIONS = ("none", "lungs", "affine")
INTENSITIES = ("none", "mean-std", "histogram")

IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], dtype=np.float32)
LARGEST_SCALE = 1.5  # lungs said to be more than this larger than the target's are not believed
AFFINE_SIZE = 48  # side at which films are compared while an affine map is sought
_STEPS, _RATE, _PULL = 60, 0.02, 0.1


@dataclass(frozen=True)
class Alignment:
    """How donors are laid on the target.

    `registration`: 'none'; 'lungs', scaled and shifted so that the box around both lungs is the target's;
    'affine', by the affine map under which both films correlate best. `intensity`: 'none'; 'mean-std', so
    that mean and standard deviation are the target's; 'histogram', so that the histogram is. Both over the
    whole film. Raises `UserError` for another name.
    """

    registration: str = "none"
    intensity: str = "none"

    def __post_init__(self) -> None:
        choose("registration", self.registration, REGISTRATIONS)
        choose("intensity", self.intensity, INTENSITIES)


class Aligner:
    """Lays donors on targets, and keeps what it found for a film: lung boxes, and the donors of a target.

    `lungs`: what finds lungs for registration 'lungs'; None for the rule. `capacity`: targets whose donors
    are kept; eight times as many lung boxes are.
    """

    def __init__(self, alignment: Alignment, lungs: LungSegmenter | None = None, capacity: int = 32) -> None:
        self.alignment, self.lungs, self.capacity = alignment, lungs, capacity
        self._boxes: dict[str, np.ndarray] = {}
        self._donors: dict[str, np.ndarray] = {}

    def __call__(self, donors: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Donors float32 (K, C, H, W) laid on the target (C, H, W), all in [0, 1]: float32 (K, C, H, W)."""
        key = _digest(target) + _digest(donors)
        return _kept(self._donors, key, lambda: self._aligned(donors, target), self.capacity)

    def _aligned(self, donors: np.ndarray, target: np.ndarray) -> np.ndarray:
        if self.alignment.registration == "lungs":
            boxes = [self._box(film) for film in (target, *donors)]
            donors = warped(donors, np.stack([box_map(boxes[0], box) for box in boxes[1:]]))
        elif self.alignment.registration == "affine":
            donors = warped(donors, affine_maps(donors, target))
        matched = [match_intensity(donor, target, self.alignment.intensity) for donor in donors]
        return np.stack(matched).astype(np.float32)

    def _box(self, film: np.ndarray) -> np.ndarray:
        return _kept(self._boxes, _digest(film), lambda: lung_box(film, self.lungs), 8 * self.capacity)


def lung_box(film: np.ndarray, lungs: LungSegmenter | None = None) -> np.ndarray:
    """Left, top, right and bottom of the box around both lungs of (C, H, W): float (4,), of the film's sides.

    By the segmenter, or by the rule (`lungs.rule`); stray pixels beyond 1 % of a lung's area do not count.
    """
    picture = film.mean(axis=0)
    edges = lung_edges(find_lungs(picture) if lungs is None else lungs.find_lungs(picture))
    return np.array([*edges[:, :2].min(axis=0), *edges[:, 2:].max(axis=0)], dtype=np.float64)


def box_map(target: np.ndarray, donor: np.ndarray) -> np.ndarray:
    """Where a point of the target lies on the donor, by boxes (4,) of the same anatomy: float32 (2, 3).

    Rows are x and y, in fractions of the film's sides: (x, y, 1) -> (x', y'). Of scales above
    `LARGEST_SCALE`, or below its inverse, only so much is taken, about the boxes' centres.

    >>> box_map(np.array([0.2, 0.2, 0.6, 0.6]), np.array([0.1, 0.2, 0.5, 0.6])).round(3).tolist()
    [[1.0, 0.0, -0.10000000149011612], [0.0, 1.0, 0.0]]
    """
    scale = np.clip((donor[2:] - donor[:2]) / (target[2:] - target[:2]), 1 / LARGEST_SCALE, LARGEST_SCALE)
    shift = (donor[:2] + donor[2:]) / 2 - scale * (target[:2] + target[2:]) / 2
    return np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]], dtype=np.float32)


def affine_maps(donors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The affine map of the target's points to each donor's under which both correlate best: (K, 2, 3).

    Adam on 1 - Pearson correlation of the films at `AFFINE_SIZE`, from the identity, with a pull back to it
    (0.1 times the squared change); as in `box_map`. Nothing is drawn: equal films give equal maps.
    """
    size = (AFFINE_SIZE, AFFINE_SIZE)
    films = torch.from_numpy(np.concatenate([target[None], donors]).mean(axis=1, keepdims=True))
    small = F.interpolate(films.float(), size=size, mode="bilinear", antialias=True)
    fixed, moving = small[:1], small[1:]
    start = torch.from_numpy(IDENTITY).expand(len(donors), -1, -1)
    change = torch.zeros_like(start, requires_grad=True)
    optimiser = torch.optim.Adam([change], lr=_RATE)
    with torch.enable_grad():
        for _ in range(_STEPS):
            optimiser.zero_grad()
            alike = _correlation(_sampled(moving, start + change), fixed)
            loss = (1 - alike).sum() + _PULL * change.square().sum()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return np.asarray((start + change).detach().numpy())


def warped(films: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Films float32 (K, C, H, W) seen through `maps` float32 (K, 2, 3), see `box_map`: same shape.

    Linear between pixels; beyond the film its border goes on.
    """
    pixels = torch.from_numpy(np.ascontiguousarray(films, dtype=np.float32))
    return np.asarray(_sampled(pixels, torch.from_numpy(maps)).clamp(0, 1).numpy())


def match_intensity(donor: np.ndarray, target: np.ndarray, how: str) -> np.ndarray:
    """Shades of the donor (C, H, W) in [0, 1] brought to the target's, as `how` of `INTENSITIES` says."""
    if choose("intensity", how, INTENSITIES) == "none":
        return donor
    if how == "mean-std":
        ratio = target.std() / max(float(donor.std()), 1e-6)
        return np.asarray(np.clip((donor - donor.mean()) * ratio + target.mean(), 0, 1))
    from skimage.exposure import match_histograms

    return np.asarray(match_histograms(donor, target, channel_axis=0))


def _sampled(films: Tensor, maps: Tensor) -> Tensor:
    """Films (K, C, H, W) through maps (K, 2, 3) of fractions, which grid_sample counts from -1 to 1."""
    linear = maps[:, :, :2]
    shift = 2 * maps[:, :, 2:] + linear.sum(dim=2, keepdim=True) - 1
    grid = F.affine_grid(torch.cat([linear, shift], dim=2), list(films.shape), align_corners=False)
    sampled: Tensor = F.grid_sample(films, grid, padding_mode="border", align_corners=False)
    return sampled


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson correlation of films (K, 1, H, W) and (1, 1, H, W): (K,)."""
    a, b = (each.flatten(1) - each.flatten(1).mean(dim=1, keepdim=True) for each in (a, b))
    found: Tensor = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp_min(1e-6)
    return found


def _digest(films: np.ndarray) -> str:
    return hashlib.sha256(f"{films.shape}".encode() + np.ascontiguousarray(films).tobytes()).hexdigest()


def _kept(
    cache: dict[str, np.ndarray], key: str, make: Callable[[], np.ndarray], capacity: int
) -> np.ndarray:
    """What `make` returns, from `cache` where it is there; the oldest goes beyond `capacity`."""
    if key not in cache:
        cache[key] = make()
        cache[key].setflags(write=False)
        if len(cache) > capacity:
            del cache[next(iter(cache))]
    return cache[key]
