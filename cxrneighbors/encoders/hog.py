"""Histograms of oriented gradients (Dalal & Triggs 2005): which way edges run in each part of a film."""

from __future__ import annotations

import numpy as np

from cxrneighbors.encoders.components import ComponentEncoder
from cxrneighbors.encoders.exposure import small_standardised
from cxrneighbors.errors import UserError

BLOCK = 2  # cells a side of a block, within which histograms are normalised ('L2-Hys')


class HOGEncoder(ComponentEncoder):
    """Scores on the first principal components of a film's histograms of oriented gradients.

    Films are area-averaged to `image_size` x `image_size`; their central `crop` of each side is standardised
    and cut into cells of `cell` x `cell` pixels, each with a histogram over `orientations` directions.
    `max_fit`: 20,000 films with the default cells are 350 MB. The other arguments: see `ComponentEncoder`.
    """

    name = "hog"

    def __init__(
        self,
        dim: int = 60,
        whiten: float = 0.0,
        crop: float = 0.75,
        image_size: int = 128,
        cell: int = 8,
        orientations: int = 9,
        aspect: str = "pad",
        max_fit: int = 20_000,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, whiten, crop, image_size, aspect, max_fit, seed)
        if round(crop * image_size) < BLOCK * cell:
            raise UserError(
                f"HOG cells of {cell} pixels: {crop:g} of {image_size} pixels must hold {BLOCK} of them "
                "a side; take smaller cells or larger images"
            )
        self.cell = cell
        self.orientations = orientations

    def describe(self, images: np.ndarray) -> np.ndarray:
        """Histograms of all blocks: images float32 (N, 1, H, W) in [0, 1] to float32 (N, F)."""
        from skimage.feature import hog

        return np.stack(
            [
                hog(picture, self.orientations, (self.cell, self.cell), (BLOCK, BLOCK))
                for picture in small_standardised(images, self.image_size, self.crop)
            ]
        )
