"""PCA baseline: principal components of small standardised pictures, plain, half-whitened or whitened."""

from __future__ import annotations

import numpy as np

from cxrneighbors.encoders.components import ComponentEncoder
from cxrneighbors.encoders.exposure import small_standardised


class PCAEncoder(ComponentEncoder):
    """Scores on the first principal components of films area-averaged to `image_size` x `image_size`.

    Of these, the central `crop` of each side is standardised and looked at: `crop=0.75` leaves out most of
    the arms, the marker and the collimation. `max_fit`: 20,000 films at 64 x 64 are 330 MB. The other
    arguments: see `ComponentEncoder`.
    """

    kind = "pca"

    def __init__(
        self,
        dim: int = 60,
        whiten: float = 0.0,
        crop: float = 1.0,
        image_size: int = 64,
        aspect: str = "pad",
        max_fit: int = 20_000,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, whiten, crop, image_size, aspect, max_fit, seed)
        whitened = "pca-whitened" if whiten == 1 else "pca-half" if whiten else "pca"
        self.name = "pca-centre" if crop < 1 else whitened

    def describe(self, images: np.ndarray) -> np.ndarray:
        """The standardised centre, flattened: images float32 (N, 1, H, W) in [0, 1] to float32 (N, F)."""
        return small_standardised(images, self.image_size, self.crop).reshape(len(images), -1)
