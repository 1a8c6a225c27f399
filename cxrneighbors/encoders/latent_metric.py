"""How far apart two latent codes are: the metric of the latent space.

A code can be measured by itself, as the paper does (`latent`: Euclidean distance of the means), or by what it
changes in the picture (`picture`): the decoder pulls the Euclidean metric of pictures back to
G(z) = J(z)^T J(z), J its Jacobian (Arvanitidis, Hansen & Hauberg, ICLR 2018); here G is averaged over
training codes, which keeps distances Euclidean after one linear map. The first counts a barely visible
direction as much as a plain one, as whitened PCA does; the second lets the few directions of the largest
contrast decide alone, as plain PCA does. `balanced` is the geometric mean of the two metrics, G^(1/2).
"""

from __future__ import annotations

import numpy as np
import torch

from cxrneighbors.encoders.vae_network import VAENetwork
from cxrneighbors.training.images import FileImages, MemoryImages

# Codes are multiplied by G to this power: the metric is its square.
EXPONENTS = {"latent": 0.0, "balanced": 0.25, "picture": 0.5}
FILMS = 32  # training films over which the picture metric is averaged
STEP = 0.1  # of the finite difference, in units of the prior's standard deviation


@torch.no_grad()
def picture_metric(network: VAENetwork, codes: torch.Tensor) -> torch.Tensor:
    """G = mean of J^T J over `codes` (N, D), per pixel: float32 (D, D), symmetric, positive semi-definite."""
    steps = STEP * torch.eye(codes.shape[1], device=codes.device)
    total = torch.zeros(codes.shape[1], codes.shape[1], dtype=torch.float64, device=codes.device)
    for code in codes:
        moved = (network.decode(code + steps) - network.decode(code[None])) / STEP
        columns = moved.flatten(1).double()
        total += columns @ columns.T / columns.shape[1]
    return (total / len(codes)).float()


@torch.no_grad()
def set_picture_metric(network: VAENetwork, films: MemoryImages | FileImages) -> None:
    """Measure the picture metric of a trained network on films spread evenly over the training ones."""
    rows = np.unique(np.linspace(0, len(films) - 1, FILMS).astype(int))
    network.picture_metric.copy_(picture_metric(network, network.means(films[rows.tolist()])))


def metric_map(metric: torch.Tensor, name: str) -> torch.Tensor:
    """The symmetric matrix (D, D) by which codes are multiplied so that Euclidean distance is that metric."""
    values, vectors = torch.linalg.eigh(metric.double())
    # Rounding can leave a direction without any effect slightly below zero.
    powers = values.clamp(min=0) ** EXPONENTS[name]
    mapped: torch.Tensor = ((vectors * powers) @ vectors.T).float()
    return mapped
