"""What a VAE is shown of a film, and the picture of it that its decoder has to paint."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cxrneighbors.errors import UserError, choose
from cxrneighbors.training.exposure import standardise

EXPOSURES = ("standardised", "kept")
STRIDES = (1, 2, 4, 8)
GREY_MEAN, GREY_SPREAD = 0.5, 0.25  # of grey values in [0, 1] where exposure is kept
NEIGHBOURHOOD = 0.25  # of the picture's side: standard deviation of the surroundings of a pixel
LEAST_CONTRAST = 0.08  # in standard deviations of the film: flat surroundings are not blown up


@dataclass(frozen=True)
class Picture:
    """How a film becomes a picture of `channels` x S / `stride` x S / `stride`.

    `exposure`: 'standardised' takes each film's own brightness and contrast away, 'kept' leaves them in, as
    the paper does. `stride`: the picture is the film averaged over `stride` x `stride` pixels; 1 paints every
    pixel, as the paper does. `local`: a second channel shows every pixel against its surroundings, in which
    vessels and fine opacities weigh as much as the large bright and dark areas.
    """

    exposure: str = "standardised"
    stride: int = 4
    local: bool = True

    def __post_init__(self) -> None:
        choose("VAE exposure", self.exposure, EXPOSURES)
        if self.stride not in STRIDES:
            raise UserError(f"VAE stride {self.stride}: must be one of {', '.join(map(str, STRIDES))}")

    @property
    def channels(self) -> int:
        """2 with the local one, else 1."""
        return 1 + self.local

    def shown(self, images: Tensor) -> Tensor:
        """Films float (N, 1, S, S) in [0, 1] as the network sees them, same shape."""
        if self.exposure == "standardised":
            return standardise(images)
        return (images.float() - GREY_MEAN) / GREY_SPREAD

    def of(self, shown: Tensor) -> Tensor:
        """The picture (N, channels, S / stride, S / stride) of what is shown (N, 1, S, S)."""
        small = nn.functional.avg_pool2d(shown, self.stride)
        return torch.cat([small, against_surroundings(small)], dim=1) if self.local else small


def against_surroundings(pictures: Tensor) -> Tensor:
    """Every pixel less the mean of its surroundings, by their deviation: (N, 1, H, W), standardised again.

    The surroundings are weighted by a Gaussian whose deviation is a quarter of the picture's side.
    """
    rows, columns = (_gaussian(side, pictures) for side in pictures.shape[-2:])
    above = pictures - rows @ pictures @ columns.T
    deviation = (rows @ above.square() @ columns.T).clamp(min=0).sqrt()
    return standardise(above / (deviation + LEAST_CONTRAST))


def _gaussian(side: int, like: Tensor) -> Tensor:
    """Row i: weights of all pixels for pixel i, of sum 1: (side, side)."""
    place = torch.arange(side, device=like.device, dtype=like.dtype)
    weights = torch.exp(-(((place[:, None] - place) / (NEIGHBOURHOOD * side)) ** 2) / 2)
    return weights / weights.sum(1, keepdim=True)
