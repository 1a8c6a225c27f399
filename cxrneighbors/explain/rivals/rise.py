"""RISE: Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation", 2018."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cxrneighbors.explain.rivals.base import Question, option_error
from cxrneighbors.explain.soft_masks import soft_masks


@dataclass(frozen=True)
class Rise:
    """The mean of random soft masks, each weighted by the score of the film seen through it.

    S(p) = Σ_i f(x ⊙ m_i) m_i(p) / (N · keep) (their equation 6): N random grids of `grid` x `grid` cells,
    each cell open with probability `keep`, enlarged bilinearly and shifted by less than a cell (section 3.2).
    Where a mask is closed the film shows the masking's fill.

    `centred` takes the scores' mean away first. That changes S by a constant in expectation, so that places
    rank as published, but makes 0 mean "no evidence", and with few masks it is less noisy;
    `centred=false` is the published sum.
    """

    name: ClassVar[str] = "rise"
    title: ClassVar[str] = "RISE"
    random: ClassVar[bool] = True

    grid: int = 7
    keep: float = 0.5
    centred: bool = True

    def __post_init__(self) -> None:
        if self.grid < 2:
            raise option_error(self.name, "grid", self.grid, "at least 2")
        if not 0 < self.keep < 1:
            raise option_error(self.name, "keep", self.keep, "a share between 0 and 1")

    def attribute(self, question: Question) -> np.ndarray:
        """Map float (H, W): as many masks as there are calls."""
        rng = np.random.default_rng(question.seed)
        shape = question.segments.shape
        total = np.zeros(shape)
        mask_sum, score_sum, left = np.zeros(shape), 0.0, question.calls
        while left:
            n = min(left, 64)
            masks = soft_masks(n, self.grid, self.keep, shape, rng)
            scores = question.score_blended(masks)
            total += np.tensordot(scores, masks, axes=1)
            mask_sum, score_sum, left = mask_sum + masks.sum(0), score_sum + scores.sum(), left - n
        if self.centred:
            total -= score_sum / question.calls * mask_sum
        return np.asarray(total / (question.calls * self.keep))
