"""Do two images share findings? Four definitions, each a pure function of two bit masks.

`a` and `b` are uint64 (..., W) masks (see `labels`) that broadcast against each other; the result drops the
last axis and lies in [0, 1]. The paper (section 4.1.1) counts a neighbour when "the set of diseases overlap",
"No Finding" being one of the labels of ChestX-ray14: that is `any`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.errors import choose
from cxrneighbors.evaluation.labels import Labels


def any_overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether a label is shared: bool (...). An empty set shares nothing."""
    shared: np.ndarray = (a[..., 0] & b[..., 0]) != 0
    for word in range(1, a.shape[-1]):
        shared |= (a[..., word] & b[..., word]) != 0
    return shared


def exact_overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether both label sets are the same: bool (...). Two empty sets are."""
    same: np.ndarray = a[..., 0] == b[..., 0]
    for word in range(1, a.shape[-1]):
        same &= a[..., word] == b[..., word]
    return same


def jaccard_overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Label overlap |a ∩ b| / |a ∪ b|: float64 (...); two empty sets score 1.

    >>> jaccard_overlap(np.array([[0b011]], dtype=np.uint64), np.array([[0b110]], dtype=np.uint64)).round(3)
    array([0.333])
    """
    both = np.bitwise_count(a & b).sum(axis=-1, dtype=np.int64)
    either = np.bitwise_count(a | b).sum(axis=-1, dtype=np.int64)
    return np.where(either == 0, 1.0, both / np.maximum(either, 1))


OverlapFunction = Callable[[np.ndarray, np.ndarray], np.ndarray]
CHUNK = 4_000_000  # overlaps held at once
_FUNCTIONS: dict[str, OverlapFunction] = {
    "any": any_overlap,
    "any-disease": any_overlap,
    "jaccard": jaccard_overlap,
    "exact": exact_overlap,
}
DEFINITIONS = tuple(_FUNCTIONS)
MEANING = {
    "any": "shares at least one label ('No Finding' counts as a label)",
    "any-disease": "shares at least one disease ('No Finding' does not count; only targets with disease)",
    "jaccard": "shared labels divided by all labels of the two images",
    "exact": "has exactly the same set of labels",
}


def overlap_function(definition: str) -> OverlapFunction:
    """The function of a definition; raises `UserError` for an unknown name."""
    return _FUNCTIONS[choose("definition", definition, DEFINITIONS)]


def labels_for(labels: Labels, definition: str) -> Labels:
    """The labels that `definition` compares: `any-disease` drops "No Finding"."""
    return labels.without(NO_FINDING) if definition == "any-disease" else labels


def pair_overlap(a: np.ndarray, b: np.ndarray, definition: str) -> np.ndarray:
    """Overlap of masks a and b under `definition`: float64 (...) in [0, 1]."""
    return overlap_function(definition)(a, b).astype(np.float64)


def summed_overlap(weights: np.ndarray, sets: np.ndarray, definition: str) -> np.ndarray:
    """Weighted sum of the overlaps of all U label sets with each: float64 (S, U), in blocks.

    weights: float (S, U), one line for each stratum; sets: uint64 (U, W).
    """
    totals = np.empty(weights.shape)
    step = max(1, CHUNK // max(len(sets), 1))
    for block in (slice(start, start + step) for start in range(0, len(sets), step)):
        totals[:, block] = weights @ pair_overlap(sets[:, None], sets[None, block], definition)
    return totals
