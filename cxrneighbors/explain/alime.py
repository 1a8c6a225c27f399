"""ALIME: Shankaranarayana and Runje, "ALIME: Autoencoder Based Approach for Local Interpretability", 2019."""

from __future__ import annotations

from typing import Any

import numpy as np

from cxrneighbors.errors import UserError
from cxrneighbors.explain.latent import encode_film
from cxrneighbors.explain.lime_image import Lime
from cxrneighbors.explain.neighbours import image_encoder
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.surrogate import locality


class ALime(Lime):
    """LIME whose locality weights come from distances in the autoencoder's latent space.

    Masked films are encoded by the index's image encoder (or `encoder`); d = ‖x_z − x‖ between latents of the
    masked and the unmasked film. The kernel is LIME's with the median d as its width: a latent space has no
    natural unit, and LIME's own masks weigh about as much at their median distance under its own kernel. The
    median makes weights free of the latent space's scale, so sigma does not enter.
    """

    name = "alime"

    def __init__(
        self, model: Any, index: Any = None, *args: Any, encoder: Any = None, **options: Any
    ) -> None:
        super().__init__(model, index, *args, **options)
        if encoder is None and index is None:
            raise UserError("method 'alime': needs an image encoder; give an index or encoder=")
        self.encoder = encoder if encoder is not None else image_encoder(index)

    def distance(self, films: MaskedFilms) -> np.ndarray:
        """Latent distance of each masked film to its unmasked source: float64 (N,)."""
        origin = encode_film(self.encoder, films.sources[0]).astype(np.float64)
        return np.linalg.norm(self.engine.latents(films, self.encoder) - origin, axis=1)

    def kernel(self, distance: np.ndarray) -> np.ndarray:
        """LIME's kernel with the median distance of masked films as its width (1 where all are 0)."""
        masked = distance[distance > 0]
        return locality(distance, float(np.median(masked)) if len(masked) else 1.0)

    def _settings(self, n_segments: int) -> dict[str, Any]:
        settings = super()._settings(n_segments)
        return {**settings, "kernel_width": "median latent distance", "encoder": self.encoder.name}
