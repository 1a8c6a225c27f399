"""Scaled fusion: one squared distance over images and reports whose weights mean the same for any encoder.

    d²(a, b) = w_image · ‖x_a - x_b‖² / σ_x²  +  w_report · ‖t_a - t_b‖² / σ_t²

σ² is a modality's mean squared distance over all pairs of indexed rows, so two random rows are on average 1
apart (squared) in either modality. The sum is plain squared L2 on the concatenation of `√(w/σ²)`-scaled
parts.

A row that lacks one of the two is found too, at the expected distance of the missing part: what lies at the
mean vector c, and apart from all others by one coordinate more, has the query's mean squared distance

    ‖q - c‖² + mean ‖b - c‖²  =  mean over all b of ‖q - b‖²
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real

import numpy as np

from cxrneighbors.arguments import one_of_type
from cxrneighbors.errors import UserError

VECTOR_MODALITIES = ("image", "report")
MAX_WEIGHT = 1e6  # beyond it the other modality is lost in rounding
MODALITIES = (*VECTOR_MODALITIES, "fused")
# Searches from one modality to the other, where both lie in one space (`encoders.shared_space`).
CROSS_MODALITIES = {"image-to-report": ("image", "report"), "report-to-image": ("report", "image")}
# How 'fused' ranks: by the sum above, or by the ranks in both lists (`policies.rank_fusion`).
FUSIONS = ("distance", "ranks")

# {'image': w/σ², ...}: which vector modalities take part in a distance, and by what factor of their L2².
Factors = dict[str, float]


def modality_scale(vectors: np.ndarray) -> float:
    """σ²: mean of ‖a - b‖² over all pairs of different rows of `vectors` (N, D), without sampling.

    By the identity Σ_{a≠b} ‖a - b‖² = 2N Σ ‖a - mean‖² it equals 2N/(N-1) times the total variance: one pass.
    Fewer than two rows, or rows that are all equal, have no scale of their own: 1.0.

    >>> modality_scale(np.array([[0.0, 0.0], [3.0, 4.0]]))
    25.0
    """
    n = len(vectors)
    if n < 2:
        return 1.0
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    scale = 2.0 * float(np.square(centred).sum()) / (n - 1)
    return scale if scale > 0 else 1.0


def check_weights(weights: Mapping[str, float] | None) -> dict[str, float]:
    """Weights per modality, 1.0 where not given; `UserError` for unknown names, negatives, what
    single precision cannot hold beside the other weight, or all zero.

    >>> check_weights({"report": 2})
    {'image': 1.0, 'report': 2.0}
    """
    remedy = "give a dictionary, such as {'image': 1, 'report': 0.5}"
    one_of_type("weights", weights or {}, Mapping, remedy)
    unknown = set(weights or {}) - set(VECTOR_MODALITIES)
    if unknown:
        raise UserError(
            f"weights: unknown modality {sorted(unknown)[0]!r}; give weights for image and report"
        )
    given = {name: (weights or {}).get(name, 1.0) for name in VECTOR_MODALITIES}
    for name, weight in given.items():
        one_of_type(f"weight of {name}", weight, Real, "give a number")
    complete = {name: float(weight) for name, weight in given.items()}
    for name, weight in complete.items():
        if not (weight == 0 or 1 / MAX_WEIGHT <= weight <= MAX_WEIGHT):
            raise UserError(
                f"weights: {name}={weight:g} is neither 0 nor a number from {1 / MAX_WEIGHT:g} to "
                f"{MAX_WEIGHT:g}; give image=1,report=1 or alike"
            )
    if not any(complete.values()):
        raise UserError("weights: image and report are both 0; give at least one of them a weight above 0")
    return complete


def distance_factors(modality: str, scale: Mapping[str, float], weights: Mapping[str, float]) -> Factors:
    """Factors of the squared distance in `modality`: 1/σ² alone in a single one, w/σ² of both in 'fused'."""
    if modality == "fused":
        return {name: weights[name] / scale[name] for name in VECTOR_MODALITIES}
    return {modality: 1.0 / scale[modality]}


def scaled_concatenation(
    vectors: Mapping[str, np.ndarray],
    factors: Factors,
    rows: np.ndarray | slice = slice(None),
    centre: Mapping[str, np.ndarray] | None = None,
    apart: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """Points whose plain squared L2 is the distance of `factors`: float32 (n, sum of D; + 2 for two factors).

    Of all vectors (N, D) per modality or of `rows`; `centre` (D,) per modality is subtracted first. `apart`
    (N,) per modality: the coordinate of rows that lack it where both count, 0 for all others; None for
    queries, which have both.
    """
    parts = []
    for name, factor in factors.items():
        values = vectors[name][rows] if centre is None else vectors[name][rows] - centre[name]
        if len(factors) > 1:
            extra = np.zeros(len(values)) if apart is None else apart[name][rows]
            values = np.column_stack([values, extra])
        parts.append(values * np.float32(np.sqrt(factor)))
    return np.concatenate(parts, axis=1, dtype=np.float32)


def squared_distances(queries: np.ndarray, found: np.ndarray) -> np.ndarray:
    """‖q - f‖² by difference, not by products: queries (Q, D), found (Q, K, D) -> float64 (Q, K)."""
    difference = found.astype(np.float64) - queries.astype(np.float64)[:, None, :]
    return np.asarray(np.einsum("qkd,qkd->qk", difference, difference))
