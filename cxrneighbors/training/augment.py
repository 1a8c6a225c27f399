"""Small random changes of training images: what differs between two films of the same chest.

Encoders and classifiers want different ones: the VAE has to paint what it is shown, so its films are neither
turned nor re-exposed in a line (which its standardisation would undo); a classifier has to be blind to both.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

SHIFT = 0.06  # of the image's side
SCALE = 0.08
ROTATION = 5.0  # degrees
CONTRAST = 0.15
BRIGHTNESS = 0.08


def augment_for_encoder(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shift by up to 4 %, scale by up to 6 % and bend the grey scale (gamma 0.8 to 1.25) at random.

    float (N, 1, H, W) in [0, 1] -> same. No flips: the heart is on the left.
    """
    n, device = len(images), images.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=device) * 2 - 1

    theta = torch.zeros(n, 2, 3, device=device)
    theta[:, 0, 0] = 1 + 0.06 * uniform(n)
    theta[:, 1, 1] = 1 + 0.06 * uniform(n)
    theta[:, :, 2] = 0.08 * uniform(n, 2)  # of half the image
    return _moved(images, theta).clamp(0, 1) ** (0.223 * uniform(n, 1, 1, 1)).exp()


def augment_for_classifier(images: Tensor, rng: np.random.Generator, flip: bool = False) -> Tensor:
    """Shift, scale, rotate and re-expose each image a little: (B, C, H, W) in [0, 1], same shape and range.

    All numbers are drawn from `rng`, so that they are the same on any device. `flip` also mirrors every
    second image at random, as CheXNet was trained; it moves the heart to the right, so it is off by default.
    """
    n = len(images)
    angle = np.deg2rad(rng.uniform(-ROTATION, ROTATION, n))
    scale = 1 + rng.uniform(-SCALE, SCALE, n)
    shift = rng.uniform(-2 * SHIFT, 2 * SHIFT, (n, 2))  # grid coordinates span 2
    mirror = np.where(rng.random(n) < 0.5, -1.0, 1.0) if flip else np.ones(n)
    height, width = images.shape[-2:]
    # Rotation in pixels, not in the grid's units, which differ between the sides of an oblong image.
    aspect = height / width
    theta = np.zeros((n, 2, 3), dtype=np.float32)
    theta[:, 0, 0], theta[:, 0, 1] = mirror * scale * np.cos(angle), -scale * np.sin(angle) * aspect
    theta[:, 1, 0], theta[:, 1, 1] = mirror * scale * np.sin(angle) / aspect, scale * np.cos(angle)
    theta[:, :, 2] = shift
    moved = _moved(images, torch.from_numpy(theta).to(images.device))
    contrast = 1 + rng.uniform(-CONTRAST, CONTRAST, n)
    brightness = rng.uniform(-BRIGHTNESS, BRIGHTNESS, n)
    exposed = (moved - 0.5) * _column(contrast, moved) + 0.5 + _column(brightness, moved)
    return exposed.clamp(0, 1)


def _moved(images: Tensor, theta: Tensor) -> Tensor:
    """Images under the affine maps `theta` (N, 2, 3); what comes in from outside repeats the border."""
    grid = affine_grid(theta, list(images.shape), align_corners=False)
    return grid_sample(images, grid, padding_mode="border", align_corners=False)


def _column(values: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(values).to(like).view(-1, 1, 1, 1)
