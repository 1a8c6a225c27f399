"""Films as flat vectors that exposure does not move: what pixels and PCA compare."""

from __future__ import annotations

import numpy as np
import torch

from cxrneighbors.encoders.base import check_images
from cxrneighbors.training.exposure import standardise


def downsample(images: torch.Tensor, size: int) -> torch.Tensor:
    """Average over areas: float (N, 1, H, W) -> float (N, 1, size, size); smaller images are refused."""
    height, width = images.shape[-2:]
    if (height, width) == (size, size):
        return images
    if min(height, width) < size:
        raise ValueError(f"images must be at least {size} x {size}, got {height} x {width}")
    return torch.nn.functional.interpolate(images, size=(size, size), mode="area")


def central(images: torch.Tensor, share: float) -> torch.Tensor:
    """The central `share` of each side, in (0, 1]: (N, 1, H, W) -> (N, 1, round(share * H), ...)."""
    height, width = (max(1, round(share * side)) for side in images.shape[-2:])
    top, left = (images.shape[-2] - height) // 2, (images.shape[-1] - width) // 2
    return images[..., top : top + height, left : left + width]


def small_standardised(images: np.ndarray, size: int, crop: float = 1.0) -> np.ndarray:
    """Area-downsample, crop to the centre, standardise: (N, 1, H, W) in [0, 1] -> float32 (N, S, S).

    S = round(crop * size).
    """
    small = downsample(torch.from_numpy(check_images(images)), size)
    pictures: np.ndarray = standardise(central(small, crop)).squeeze(1).numpy()
    return pictures


def flat_standardised(images: np.ndarray, size: int) -> np.ndarray:
    """Area-downsample, standardise and flatten: (N, 1, H, W) in [0, 1] -> float32 (N, size * size)."""
    return small_standardised(images, size).reshape(len(images), size * size)
