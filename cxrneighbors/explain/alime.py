"""ALIME: Shankaranarayana and Runje, "ALIME: Autoencoder Based Approach for Local Interpretability", 2019."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from cxrneighbors.encoders.base import ImageEncoder
from cxrneighbors.errors import UserError
from cxrneighbors.explain.films import Film
from cxrneighbors.explain.lime_image import Lime
from cxrneighbors.explain.locality import LatentLocality
from cxrneighbors.explain.masks import pool_masks
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.predictor import Model, Predictor
from cxrneighbors.index.neighbor_index import NeighborIndex


class ALime(Lime):
    """LIME whose locality weights come from distances in the autoencoder's latent space.

    Masked films are encoded by the index's image encoder (or `encoder`), see `locality.LatentLocality`.

    The authors draw their samples once, as a large pool around the training data that serves every instance,
    and fit on those of the pool that lie nearest to the instance in latent space. Pixels cannot be drawn so;
    masks can: `pool` masks are drawn once for every film of S segments (`masks.pool_masks`), all are encoded,
    and the P nearest are scored. Nothing is random then, and there is no seed. None, the default, draws P
    masks as LIME does and takes from ALIME its weights alone.
    """

    name = "alime"
    title = "ALIME"
    own_options = ("encoder", "pool")

    def __init__(
        self,
        model: Model | Predictor,
        index: NeighborIndex | None = None,
        *,
        encoder: ImageEncoder | None = None,
        pool: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(model, index, **options)
        if encoder is None:
            if self.neighbourhood is None:
                raise UserError("method 'alime': needs an image encoder; give an index or encoder=")
            encoder = self.neighbourhood.index.encoders.get("image")
        self.locality = LatentLocality(encoder)
        rule = self.masking.stability
        needed = self.masking.n_masks * (1 if rule is None else rule.max_rounds)
        if pool is not None and pool < needed:
            raise UserError(f"pool {pool}: {needed} masks may be taken from it; give at least as many")
        self.pool = pool

    @property
    def seed(self) -> int | None:
        """Seed of the masks; None with a pool."""
        return self.masking.seed if self.pool is None else None

    def mask_rounds(self, film: Film, segments: np.ndarray) -> Iterator[np.ndarray]:
        """Random masks, or those of the pool, nearest in latent space first: uint8 (P, S) each."""
        if self.pool is None:
            return super().mask_rounds(film, segments)
        masks, each = pool_masks(self.pool, int(segments.max()) + 1), self.masking.n_masks
        films = MaskedFilms.of_one(film.pixels, segments, masks, self.masking.fill)
        nearest = masks[np.argsort(self.locality.distance(films, self.predictor.batches), kind="stable")]
        return (nearest[start : start + each] for start in range(0, self.pool - each + 1, each))

    def settings(self, n_segments: int) -> dict[str, Any]:
        """What an explanation records of how it was made, the pool included."""
        return super().settings(n_segments) | {"pool": self.pool}
