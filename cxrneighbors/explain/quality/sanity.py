"""Sanity: an explanation of a classifier must change when the classifier's weights are randomised.

Adebayo et al. (2018), "Sanity checks for saliency maps".
"""

from __future__ import annotations

import copy

import numpy as np
import torch

from cxrneighbors.explain.quality.stability import rank_correlation


def randomised(model: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """A copy of `model` in which the entries of every parameter tensor are shuffled.

    Shuffling keeps each layer's distribution of weights, so that the copy's activations stay in range and
    only what was learned is gone. Buffers (running means) stay. `model` itself is not touched.
    """
    generator = torch.Generator().manual_seed(seed)
    result = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in result.parameters():
            order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return result


def map_similarity(original: np.ndarray, after: np.ndarray) -> float:
    """|Spearman's ρ| of the maps before and after randomising: in [0, 1]; 1 is a failure.

    Absolute, since a map whose signs are swapped shows the same places. Two unrelated maps of few segments
    have some similarity by chance: what the random reference scores. A map that is constant afterwards has
    nothing left of the original: 0.
    """
    return 0.0 if np.ptp(after) == 0 else abs(rank_correlation(original, after))
