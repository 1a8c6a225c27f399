"""The smallest change that turns the decision: how few segments have to look like a donor's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

MAX_SEGMENTS = 12

# Masks (N, S), 1 = kept, and which of K donors (N,) fills masked segments -> scores (N,).
Score = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Counterfactual:
    """Which `segments` show `donor` (0..K-1), and the film's `score` then.

    `flipped`: it lies on the other side of the threshold than the film's own; else this is as near as it
    came. `calls`: films scored to find it.
    """

    segments: tuple[int, ...]
    donor: int
    score: float
    flipped: bool
    calls: int

    def mask(self, n_segments: int) -> np.ndarray:
        """The mask, 1 = kept: uint8 (S,)."""
        mask = np.ones(n_segments, dtype=np.uint8)
        mask[list(self.segments)] = 0
        return mask

    def settings(self, donors: list[Any], threshold: float) -> dict[str, Any]:
        """What an explanation records of it; `donors`: their image_ids."""
        return {
            "segments": list(self.segments),
            "donor": donors[self.donor],
            "score": self.score,
            "flipped": self.flipped,
            "threshold": threshold,
            "calls": self.calls,
        }


def most_calls(k: int) -> int:
    """How many films `smallest_flip` scores at most with k donors.

    >>> most_calls(5)
    71
    """
    return MAX_SEGMENTS * k + MAX_SEGMENTS - 1


def smallest_flip(
    score: Score, weights: np.ndarray, n_donors: int, lower: bool, threshold: float
) -> Counterfactual | None:
    """The fewest segments, found greedily, that bring the score below the threshold, or up to it.

    Segments are filled from a donor in the order of their weights float (S,): the strongest support first to
    bring the score below (`lower`), the strongest opposition first to bring it up. At each step every one of
    `n_donors` is tried; the first step at which one turns the decision ends it (among several the donor that
    turns it furthest), at most `MAX_SEGMENTS` steps. Then segments that turn out not to be needed are given
    back, weakest first: none of those left can be spared alone. None where no segment speaks that way.
    """
    sign = 1.0 if lower else -1.0
    order = np.argsort(-sign * weights, kind="stable")
    order = order[sign * weights[order] > 0][:MAX_SEGMENTS]
    if not len(order):
        return None
    best, calls = Counterfactual((), 0, np.inf * sign, False, 0), 0
    donors = np.arange(n_donors)
    for n in range(1, len(order) + 1):
        masks = np.ones((n_donors, len(weights)), dtype=np.uint8)
        masks[:, order[:n]] = 0
        scores, calls = score(masks, donors), calls + n_donors
        donor = int(np.argmin(sign * scores))
        if sign * scores[donor] < sign * best.score:
            turned = _turned(scores[donor], lower, threshold)
            best = Counterfactual(tuple(map(int, order[:n])), donor, float(scores[donor]), turned, calls)
        if best.flipped:
            break
    return _pruned(score, best, len(weights), lower, threshold, calls)


def _pruned(
    score: Score, found: Counterfactual, n_segments: int, lower: bool, threshold: float, calls: int
) -> Counterfactual:
    """Without segments that are not needed, the ones taken last first."""
    kept, value = found.segments, found.score
    for segment in reversed(found.segments):
        fewer = tuple(each for each in kept if each != segment)
        if not found.flipped or not fewer:
            break
        trial = Counterfactual(fewer, found.donor, value, True, calls)
        tried = float(score(trial.mask(n_segments)[None], np.array([found.donor]))[0])
        calls += 1
        if _turned(tried, lower, threshold):
            kept, value = fewer, tried
    return Counterfactual(kept, found.donor, value, found.flipped, calls)


def _turned(score: float, lower: bool, threshold: float) -> bool:
    return bool(score < threshold) if lower else bool(score >= threshold)
