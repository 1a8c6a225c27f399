"""A VAE as a differentiable map between latents and films in [0, 1], in the exposure of one film."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from cxrneighbors.encoders.vae import VAE
from cxrneighbors.errors import UserError
from cxrneighbors.training.exposure import picture_area


@dataclass(frozen=True)
class VAEFilms:
    """What a VAE sees of films like `like`, float (1, C, H, W) in [0, 1], and what it paints.

    The VAE paints in standardised exposure; its pictures get the brightness and contrast that make `like`
    out of what the VAE is shown of it (least squares), and the borders of `like`, which it is not shown.
    """

    vae: VAE
    like: Tensor

    @classmethod
    def of(cls, encoder: Any, like: Tensor, rival: str) -> VAEFilms:
        """The films of an index's image encoder; a `UserError` where it is no VAE."""
        if not isinstance(encoder, VAE):
            name = getattr(encoder, "name", type(encoder).__name__)
            raise UserError(f"method {rival!r}: needs an index encoded by a VAE, this one was by {name!r}")
        encoder.network.to(like.device).eval()
        return cls(encoder, like)

    def latents(self, films: Tensor) -> Tensor:
        """Latent means float (N, D) of films (N, C, H, W)."""
        found: Tensor = self.vae.network.means(self._small(films))
        return found

    def films(self, latents: Tensor) -> Tensor:
        """Films float (N, C, H, W) in [0, 1] that the decoder paints of latents (N, D)."""
        contrast, brightness = self._exposure()
        picture = self.vae.network.decode(latents)[:, :1]
        painted = interpolate(picture, self.like.shape[-2:], mode="bilinear", align_corners=False)
        inside = picture_area(self.like[:, :1]) > 0
        film = (contrast * painted + brightness).clamp(0, 1).expand(-1, self.like.shape[1], -1, -1)
        return torch.where(inside, film, self.like)

    def _small(self, films: Tensor) -> Tensor:
        side = self.vae.image_size
        mode = "area" if min(films.shape[-2:]) >= side else "bilinear"
        return interpolate(films.mean(1, keepdim=True), (side, side), mode=mode)

    def _exposure(self) -> tuple[Tensor, Tensor]:
        """Contrast a and brightness b with film = a · shown + b inside the picture's area."""
        small = self._small(self.like)
        inside = picture_area(small) > 0
        film, shown = small[inside], self.vae.network.picture.shown(small)[inside]
        centred = shown - shown.mean()
        contrast = (centred * film).sum() / centred.square().sum().clamp(min=1e-8)
        return contrast, film.mean() - contrast * shown.mean()
