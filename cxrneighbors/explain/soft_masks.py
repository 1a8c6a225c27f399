"""RISE's soft random masks: Petsiuk, Das and Saenko (2018), section 3.2."""

from __future__ import annotations

import numpy as np


def soft_masks(
    n: int, grid: int, keep: float, shape: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """Masks: float32 (n, H, W) in [0, 1].

    A grid of open and closed cells is enlarged bilinearly to (grid + 1) cells a side, of which a random
    window of the film's size is cut.
    """
    import torch
    from torch.nn.functional import interpolate

    cells = [-(-side // grid) for side in shape]
    coarse = (rng.random((n, 1, grid, grid)) < keep).astype(np.float32)
    size = [(grid + 1) * cell for cell in cells]
    large = interpolate(torch.from_numpy(coarse), size, mode="bilinear", align_corners=False)[:, 0].numpy()
    large = large.clip(0, 1)
    tops, lefts = (rng.integers(0, cell, size=n) for cell in cells)
    height, width = shape
    return np.stack(
        [mask[t : t + height, le : le + width] for mask, t, le in zip(large, tops, lefts, strict=True)]
    )
