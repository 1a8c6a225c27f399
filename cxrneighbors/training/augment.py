"""Random changes of training images: what differs between two films of the same chest.

Encoders and classifiers want different ones: the VAE has to paint what it is shown, so its films are neither
turned nor re-exposed in a line (which its standardisation would undo); a classifier has to be blind to both.
Large networks learn a few thousand films by heart unless the changes are strong.
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
STRONG_AREA = 0.6  # the least share of the image that is cut out
STRONG_ASPECT = 0.15  # logarithm of width to height
STRONG_ROTATION = 12.0  # degrees
STRONG_GAMMA = 0.4  # logarithm of the exponent
STRONG_CONTRAST = 0.3  # logarithm of the factor
STRONG_BRIGHTNESS = 0.3  # of the image's standard deviation


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
    mirror = _mirror(n, rng, flip)
    moved = _moved(images, _affine(images, (mirror * scale, scale), angle, shift))
    contrast = 1 + rng.uniform(-CONTRAST, CONTRAST, n)
    brightness = rng.uniform(-BRIGHTNESS, BRIGHTNESS, n)
    exposed = (moved - 0.5) * _column(contrast, moved) + 0.5 + _column(brightness, moved)
    return exposed.clamp(0, 1)


def augment_strongly(images: Tensor, rng: np.random.Generator, flip: bool = False) -> Tensor:
    """Cut out, rotate and re-expose each image: (B, C, H, W) in [0, 1] to the same shape.

    A part of 60 to 100 % of the area is brought back to full size, its sides in a ratio of exp(+-0.15),
    rotated by up to 12 degrees (Szegedy et al. 2015, section 6, without its small parts, which lose the
    finding). Grey is bent between the image's own extremes by a gamma of exp(+-0.4), then scaled about its
    mean by exp(+-0.3) and shifted by up to 0.3 of its standard deviations. Nothing is clipped: a network that
    standardises exposure undoes scale and shift exactly. Draws and `flip` as in `augment_for_classifier`.
    """
    n = len(images)
    side = np.sqrt(rng.uniform(STRONG_AREA, 1, n))
    stretch = np.exp(rng.uniform(-STRONG_ASPECT, STRONG_ASPECT, n) / 2)
    sides = np.minimum([side * stretch, side / stretch], 1)
    angle = np.deg2rad(rng.uniform(-STRONG_ROTATION, STRONG_ROTATION, n))
    # Off the centre as far as the part stays inside, 3 % where it is all of the image.
    shift = rng.uniform(-1, 1, (n, 2)) * np.maximum(1 - sides, 0.03).T
    theta = _affine(images, (_mirror(n, rng, flip) * sides[0], sides[1]), angle, shift)
    bent = _bent(_moved(images, theta, "reflection"), np.exp(rng.uniform(-STRONG_GAMMA, STRONG_GAMMA, n)))
    contrast = _column(np.exp(rng.uniform(-STRONG_CONTRAST, STRONG_CONTRAST, n)), bent)
    brightness = _column(rng.uniform(-STRONG_BRIGHTNESS, STRONG_BRIGHTNESS, n), bent)
    mean, deviation = bent.mean((1, 2, 3), keepdim=True), bent.std((1, 2, 3), keepdim=True)
    return (bent - mean) * contrast + mean + brightness * deviation


def _mirror(n: int, rng: np.random.Generator, flip: bool) -> np.ndarray:
    """1 for an image as it is, -1 for its mirror image: float (n,)."""
    return np.where(rng.random(n) < 0.5, -1.0, 1.0) if flip else np.ones(n)


def _affine(
    images: Tensor, sides: tuple[np.ndarray, np.ndarray], angle: np.ndarray, shift: np.ndarray
) -> Tensor:
    """Maps (N, 2, 3) from a result to its image: `sides` (width, height) of the part that is shown, each (N,)
    and 1 for all of it, `angle` (N,) in radians, centre `shift` (N, 2) where an image's side spans 2.
    """
    height, width = images.shape[-2:]
    # Rotation in pixels, not in the grid's units, which differ between the sides of an oblong image.
    aspect = height / width
    theta = np.zeros((len(images), 2, 3), dtype=np.float32)
    theta[:, 0, 0], theta[:, 0, 1] = sides[0] * np.cos(angle), -sides[1] * np.sin(angle) * aspect
    theta[:, 1, 0], theta[:, 1, 1] = sides[0] * np.sin(angle) / aspect, sides[1] * np.cos(angle)
    theta[:, :, 2] = shift
    return torch.from_numpy(theta).to(images.device)


def _moved(images: Tensor, theta: Tensor, outside: str = "border") -> Tensor:
    """Images under the maps `theta` (N, 2, 3); `outside` of an image: 'border' or 'reflection'."""
    grid = affine_grid(theta, list(images.shape), align_corners=False)
    return grid_sample(images, grid, padding_mode=outside, align_corners=False)


def _bent(images: Tensor, gamma: np.ndarray) -> Tensor:
    """Grey raised to the power `gamma` (N,) between the least and the greatest of each image, which stay."""
    least, greatest = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
    extent = (greatest - least).clamp(min=1e-6)
    return least + extent * ((images - least) / extent) ** _column(gamma, images)


def _column(values: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(values).to(like).view(-1, 1, 1, 1)
