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


def flat_standardised(images: np.ndarray, size: int) -> np.ndarray:
    """Area-downsample, standardise and flatten: (N, 1, H, W) in [0, 1] -> float32 (N, size * size)."""
    small = downsample(torch.from_numpy(check_images(images)), size)
    return standardise(small).flatten(1).numpy()
