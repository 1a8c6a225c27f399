"""ALIME: Shankaranarayana and Runje, "ALIME: Autoencoder Based Approach for Local Interpretability", 2019."""

from __future__ import annotations

from typing import Any

from cxrneighbors.encoders.base import ImageEncoder
from cxrneighbors.errors import UserError
from cxrneighbors.explain.lime_image import Lime
from cxrneighbors.explain.locality import LatentLocality
from cxrneighbors.explain.predictor import Model, Predictor
from cxrneighbors.index.neighbor_index import NeighborIndex


class ALime(Lime):
    """LIME whose locality weights come from distances in the autoencoder's latent space.

    Masked films are encoded by the index's image encoder (or `encoder`), see `locality.LatentLocality`.
    """

    name = "alime"
    title = "ALIME"
    own_options = ("encoder",)

    def __init__(
        self,
        model: Model | Predictor,
        index: NeighborIndex | None = None,
        *,
        encoder: ImageEncoder | None = None,
        **options: Any,
    ) -> None:
        super().__init__(model, index, **options)
        if encoder is None and self.neighbourhood is None:
            raise UserError("method 'alime': needs an image encoder; give an index or encoder=")
        if encoder is None and self.neighbourhood is not None:
            encoder = self.neighbourhood.index.encoders.get("image")
        assert encoder is not None
        self.locality = LatentLocality(encoder)
