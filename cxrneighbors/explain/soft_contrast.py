"""What places add to the log odds, by soft masks through which the film or a donor is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.soft_masks import soft_masks

PAIRS = 32  # of masks made at a time


@dataclass(frozen=True)
class SoftContrast:
    """`donor_maps`: float64 (K, H, W), by each donor; `heat`: by all, (H, W); `n_scored`: films scored.

    At a place p the slope of the linked score y on the mask m(p), cov(y, m(p)) / var(m(p)): what it adds when
    the film is seen there, and around it as far as masks reach, and not the donor.
    """

    donor_maps: np.ndarray
    heat: np.ndarray
    n_scored: int


def soft_contrast(
    predictor: Predictor,
    target: str,
    sources: np.ndarray,
    n_masks: int,
    grid: int,
    link: Callable[[np.ndarray], np.ndarray],
    rng: np.random.Generator,
) -> SoftContrast:
    """Score `n_masks` films m · target + (1 - m) · donor, donors in turn, m RISE's masks of `grid` cells.

    Masks come in pairs m and 1 - m on the same donor, so that every place is as often the film's as the
    donor's, for all donors alike. `sources`: float32 (K + 1, C, H, W), the target first. `link`: scores (N,)
    as the slope is to have them. A donor's mean score is taken away: whole donors differ, which is no place's
    doing.
    """
    film, donors = (torch.from_numpy(part).to(predictor.device) for part in (sources[:1], sources[1:]))
    shape, k, n_pairs = sources.shape[2:], len(donors), max(n_masks // 2, len(donors))
    products, masks_sum = np.zeros((k, *shape)), np.zeros((k, *shape))
    squares, scores_sum, counts = np.zeros(shape), np.zeros(k), np.zeros(k)
    for start in range(0, n_pairs, PAIRS):
        n = min(PAIRS, n_pairs - start)
        half = soft_masks(n, grid, 0.5, shape, rng)
        masks, shown = np.concatenate([half, 1 - half]), np.tile(np.arange(start, start + n) % k, 2)
        y = link(_scores(predictor, target, film, donors, masks, shown))
        squares += np.square(masks, dtype=np.float64).sum(0)
        for donor in np.unique(shown):
            rows = shown == donor
            products[donor] += np.tensordot(y[rows], masks[rows].astype(np.float64), axes=1)
            masks_sum[donor] += masks[rows].sum(0, dtype=np.float64)
            scores_sum[donor] += y[rows].sum()
            counts[donor] += rows.sum()
    total = counts.sum()
    variance = np.maximum(squares / total - (masks_sum.sum(0) / total) ** 2, 1e-6)
    covariance = products - (scores_sum / counts)[:, None, None] * masks_sum
    maps = covariance / counts[:, None, None] / variance
    return SoftContrast(maps, covariance.sum(0) / total / variance, int(total))


def _scores(
    predictor: Predictor,
    target: str,
    film: torch.Tensor,
    donors: torch.Tensor,
    masks: np.ndarray,
    shown: np.ndarray,
) -> np.ndarray:
    found = []
    for rows in np.array_split(np.arange(len(masks)), -(-len(masks) // predictor.batches.size)):
        share = torch.from_numpy(masks[rows]).to(predictor.device).unsqueeze(1)
        mixed = torch.lerp(donors[torch.from_numpy(shown[rows]).to(predictor.device)], film, share)
        found.append(predictor.score(mixed, target).cpu().numpy())
    return np.concatenate(found).astype(np.float64)
