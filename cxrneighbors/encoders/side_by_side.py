"""Several image encoders as one: their vectors side by side, each with a weight of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.data.pixels import resize
from cxrneighbors.encoders.base import Encoder, ImageEncoder, check_images, is_image_encoder
from cxrneighbors.encoders.components import fitting_films
from cxrneighbors.encoders.joint import SAMPLE, JointEncoder
from cxrneighbors.errors import UserError
from cxrneighbors.progress import track


class SideBySide(JointEncoder):
    """Vectors of several image encoders, concatenated; see `JointEncoder` for weights and distances.

    Takes images float32 (N, 1, image_size, image_size) in [0, 1]. Films are read at the largest `image_size`
    of the encoders and area-averaged for the others; all must make films square in the same way (`aspect`).
    """

    kind, column = "side-by-side", "path"

    def __init__(
        self, encoders: Sequence[ImageEncoder], weights: Sequence[float] | None = None, seed: int = 0
    ) -> None:
        super().__init__(encoders, weights, seed)
        self.image_size = max(encoder.image_size for encoder in self.encoders)
        self.aspect = self.encoders[0].aspect

    @classmethod
    def takes(cls, encoder: Encoder) -> bool:
        """Image encoders."""
        return is_image_encoder(encoder)

    def _encode_each(self, inputs: Any) -> list[np.ndarray]:
        images = check_images(inputs)
        sizes = {encoder.image_size for encoder in self.encoders}
        films = {size: _resized(images, size) for size in sizes}
        return [encoder.encode(films[encoder.image_size]) for encoder in self.encoders]

    def _sample(self, studies: pd.DataFrame) -> list[np.ndarray]:
        films = fitting_films(studies, self.image_size, self.aspect, SAMPLE, self.seed)
        parts = [self._encode_each(images) for images in track(films, f"measuring {self.name}")]
        return [np.concatenate(each) for each in zip(*parts, strict=True)]

    def _check(self) -> None:
        super()._check()
        aspects = {encoder.aspect for encoder in self.encoders}
        if len(aspects) > 1:
            names = [encoder.name for encoder in self.encoders]
            raise UserError(
                f"side by side: {', '.join(names)} make films square in different ways "
                f"({', '.join(sorted(aspects))}); give encoders of one aspect"
            )


def _resized(images: np.ndarray, size: int) -> np.ndarray:
    if images.shape[-2:] == (size, size) or not len(images):
        return images
    return np.stack([resize(image[0], size)[None] for image in images])
