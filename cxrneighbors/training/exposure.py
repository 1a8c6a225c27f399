"""Exposure is a nuisance: the one standardisation that every network of the package applies itself."""

from __future__ import annotations

import torch

CLIP = 4.0  # standard deviations: burnt-in markers, clips and wires must not dominate a film's distances


def standardise(images: torch.Tensor, clip: float = CLIP) -> torch.Tensor:
    """Remove each film's own brightness and contrast: float (N, 1, H, W) -> float (N, 1, H, W).

    Every image is shifted and scaled to mean 0 and standard deviation 1 over its picture area and clipped to
    [-clip, clip]. Border rows and columns of one constant grey (padding, collimation) do not count and become
    0. An image of a single grey becomes zeros. Hence for a > 0, standardise(a * x + b) == standardise(x).
    """
    images = images.float()
    area = picture_area(images)
    n = area.sum((2, 3), keepdim=True).clamp(min=1)
    mean = (images * area).sum((2, 3), keepdim=True) / n
    centred = (images - mean) * area
    std = (centred.square().sum((2, 3), keepdim=True) / n).sqrt()
    return (centred / std.clamp(min=1e-5)).clamp(-clip, clip)


def picture_area(images: torch.Tensor) -> torch.Tensor:
    """The box inside the constant border rows and columns: (N, 1, H, W) -> float (N, 1, H, W) of 0 and 1."""
    rows = _span(images.amax(3) - images.amin(3) > 0)
    columns = _span(images.amax(2) - images.amin(2) > 0)
    return (rows.unsqueeze(3) & columns.unsqueeze(2)).to(images.dtype)


def _span(active: torch.Tensor) -> torch.Tensor:
    """Fill bool (..., L) from its first to its last true entry."""
    counts = active.long()
    return (counts.cumsum(-1) > 0) & (counts.flip(-1).cumsum(-1).flip(-1) > 0)
