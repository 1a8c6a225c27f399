"""Views of films for contrastive learning: crops, turns and exposures under which a film stays the same."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from cxrneighbors.training.exposure import standardise

AREA = (0.4, 1.0)  # share of the frame's area that a crop takes
ASPECT = 0.2  # log of a crop's width by its height
ROTATION = 12.0  # degrees
GAMMA = 0.5  # log of the exponent that bends the grey scale
CONTRAST = 0.3  # log of the factor on standardised greys
BRIGHTNESS = 0.3  # standard deviations added to them
NOISE = 0.05  # standard deviations
LEAST_SHIFT = 0.03  # of half the film, of a crop as large as its frame
CLIP = 3.0  # standard deviations; a crop has fewer burnt-in markers than a film (`exposure.CLIP`)


def random_views(images: Tensor, size: int, rng: np.random.Generator, frame: float = 0.9) -> Tensor:
    """A random view of each film: float (N, 1, H, W) in [0, 1] to standardised float (N, 1, size, size).

    A crop of 0.4 to 1 of the area of the film's central `frame` (share of each side), turned by up to 12
    degrees; then gamma, standardisation (see `central_views`), contrast, brightness and noise. No flips: the
    heart is on the left. All numbers are drawn from `rng`, so that they are the same on any device.
    """
    bent = _stretched(_moved(images, _random_crops(len(images), frame, rng), size))
    bent = bent.clamp(min=1e-4) ** _column(np.exp(rng.uniform(-GAMMA, GAMMA, len(bent))), bent)
    contrast = np.exp(rng.uniform(-CONTRAST, CONTRAST, len(bent)))
    brightness = rng.uniform(-BRIGHTNESS, BRIGHTNESS, len(bent))
    noise = torch.from_numpy(rng.standard_normal(tuple(bent.shape), dtype=np.float32)).to(bent)
    return _standardised(bent) * _column(contrast, bent) + _column(brightness, bent) + NOISE * noise


def central_views(images: Tensor, size: int, frame: float = 0.9) -> Tensor:
    """The central `frame` of each side, unchanged: (N, 1, H, W) in [0, 1] to standardised (N, 1, size, size).

    Standardised: each view's mean 0, standard deviation 1, clipped to [-3, 3] (`exposure.standardise`).
    """
    theta = np.zeros((len(images), 2, 3), dtype=np.float32)
    theta[:, [0, 1], [0, 1]] = frame
    return _standardised(_moved(images, theta, size))


def _random_crops(n: int, frame: float, rng: np.random.Generator) -> np.ndarray:
    side = np.sqrt(rng.uniform(*AREA, n)) * frame
    stretch = np.exp(rng.uniform(-ASPECT, ASPECT, n) / 2)
    width, height = np.minimum(side * stretch, 1), np.minimum(side / stretch, 1)
    angle = np.deg2rad(rng.uniform(-ROTATION, ROTATION, n))
    theta = np.zeros((n, 2, 3), dtype=np.float32)
    theta[:, 0, 0], theta[:, 0, 1] = width * np.cos(angle), -height * np.sin(angle)
    theta[:, 1, 0], theta[:, 1, 1] = width * np.sin(angle), height * np.cos(angle)
    for row, length in enumerate((width, height)):
        theta[:, row, 2] = rng.uniform(-1, 1, n) * np.maximum(frame - length, LEAST_SHIFT)
    return theta


def _moved(images: Tensor, theta: np.ndarray, size: int) -> Tensor:
    """Views under the affine maps `theta` (N, 2, 3); what comes in from outside is mirrored."""
    grid = affine_grid(torch.from_numpy(theta).to(images), [len(images), 1, size, size], align_corners=False)
    return grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _stretched(views: Tensor) -> Tensor:
    low, high = views.amin((2, 3), keepdim=True), views.amax((2, 3), keepdim=True)
    return (views - low) / (high - low + 1e-4)


def _standardised(views: Tensor) -> Tensor:
    return standardise(views, CLIP)


def _column(values: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(values).to(like).view(-1, 1, 1, 1)
