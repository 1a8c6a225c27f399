"""How much a masked film counts in the surrogate: by its mask (LIME), or by its latent vector (ALIME)."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch

from cxrneighbors.encoders.base import ImageEncoder
from cxrneighbors.explain.batches import Batches
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.surrogate import KERNEL_WIDTH, cosine_distance, locality


class Locality(Protocol):
    """Distances of masked films to the unmasked target, and the weights that they make."""

    def distance(self, films: MaskedFilms, batches: Batches) -> np.ndarray:
        """Distance of each masked film to the unmasked target: float64 (N,)."""

    def weights(self, distance: np.ndarray) -> np.ndarray:
        """Weights in (0, 1] of all masked films, from all their distances: (N,) -> (N,)."""

    def settings(self) -> dict[str, Any]:
        """What an explanation records of it."""


class MaskLocality:
    """LIME's: cosine distance of the mask to the one that keeps everything, kernel of a fixed width."""

    def __init__(self, width: float = KERNEL_WIDTH) -> None:
        self.width = width

    def distance(self, films: MaskedFilms, batches: Batches) -> np.ndarray:
        """Of the masks alone: `batches` is not used."""
        return cosine_distance(films.masks)

    def weights(self, distance: np.ndarray) -> np.ndarray:
        """LIME's kernel."""
        return locality(distance, self.width)

    def settings(self) -> dict[str, Any]:
        """The kernel's width."""
        return {"kernel_width": self.width}


class LatentLocality:
    """ALIME's: ‖x_z − x‖ of the latents of masked and unmasked film, LIME's kernel of the median width.

    A latent space has no natural unit, and LIME's own masks weigh about as much at their median distance
    under its own kernel. The median makes weights free of the latent space's scale, so sigma does not enter.
    """

    def __init__(self, encoder: ImageEncoder) -> None:
        self.encoder = encoder

    def distance(self, films: MaskedFilms, batches: Batches) -> np.ndarray:
        """Latent distance of each masked film to its unmasked source, the only one."""
        origin = encode_films(self.encoder, torch.from_numpy(films.sources[:1])).astype(np.float64)
        try:
            latents = np.concatenate([encode_films(self.encoder, images) for images in batches.of(films)])
        except (RuntimeError, MemoryError) as error:
            batches.shrink(error)
            return self.distance(films, batches)
        return np.asarray(np.linalg.norm(latents - origin, axis=1))

    def weights(self, distance: np.ndarray) -> np.ndarray:
        """LIME's kernel with the median distance of masked films as its width (1 where all are 0)."""
        masked = distance[distance > 0]
        return locality(distance, float(np.median(masked)) if len(masked) else 1.0)

    def settings(self) -> dict[str, Any]:
        """The width's rule, and the encoder."""
        return {"kernel_width": "median latent distance", "encoder": self.encoder.name}


def encode_films(encoder: ImageEncoder, images: torch.Tensor) -> np.ndarray:
    """Vectors of films (B, C, H, W) in [0, 1], brought to the encoder's own size: float32 (B, D)."""
    grey = images.mean(1, keepdim=True) if images.shape[1] > 1 else images
    return encoder.encode(at_size(grey, encoder.image_size).cpu().numpy())


def at_size(images: torch.Tensor, size: int) -> torch.Tensor:
    """Bring square films (B, 1, H, W) to `size`: area means when shrinking, linear when enlarging."""
    from torch.nn.functional import interpolate

    if images.shape[-2:] == (size, size):
        return images
    if min(images.shape[-2:]) >= size:
        return interpolate(images, size=(size, size), mode="area")
    return interpolate(images, size=(size, size), mode="bilinear", align_corners=False)
