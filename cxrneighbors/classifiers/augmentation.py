"""Small random changes of training images: what differs between two films of the same chest."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

SHIFT = 0.06  # of the image's side
SCALE = 0.08
ROTATION = 5.0  # degrees
CONTRAST = 0.15
BRIGHTNESS = 0.08


def augment(images: Tensor, rng: np.random.Generator, flip: bool = False) -> Tensor:
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
    grid = F.affine_grid(torch.from_numpy(theta).to(images.device), list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    contrast = 1 + rng.uniform(-CONTRAST, CONTRAST, n)
    brightness = rng.uniform(-BRIGHTNESS, BRIGHTNESS, n)
    exposed = (moved - 0.5) * _column(contrast, moved) + 0.5 + _column(brightness, moved)
    return exposed.clamp(0, 1)


def _column(values: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(values).to(like).view(-1, 1, 1, 1)
