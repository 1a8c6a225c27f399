"""Films in an image encoder's latent space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


def at_size(images: torch.Tensor, size: int) -> torch.Tensor:
    """Bring square films (B, 1, H, W) to `size`: area means when shrinking, linear when enlarging."""
    from torch.nn.functional import interpolate

    if images.shape[-2:] == (size, size):
        return images
    if min(images.shape[-2:]) >= size:
        return interpolate(images, size=(size, size), mode="area")
    return interpolate(images, size=(size, size), mode="bilinear", align_corners=False)


def encode_films(encoder: Any, images: torch.Tensor) -> np.ndarray:
    """Vectors of films (B, C, H, W) in [0, 1], brought to the encoder's own size: float32 (B, D)."""
    grey = images.mean(1, keepdim=True) if images.shape[1] > 1 else images
    return encoder.encode(at_size(grey, encoder.image_size).cpu().numpy())


def encode_film(encoder: Any, pixels: np.ndarray) -> np.ndarray:
    """Vector of one film (C, H, W): float32 (D,)."""
    import torch

    return encode_films(encoder, torch.from_numpy(np.ascontiguousarray(pixels))[None])[0]
