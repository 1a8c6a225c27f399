"""Score-CAM: Wang et al., "Score-CAM: Score-Weighted Visual Explanations for CNNs", 2020."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cxrneighbors.explain.rivals.base import Question, option_error


@dataclass(frozen=True)
class ScoreCAM:
    """The last convolutional maps, each weighted by the score of the film seen through it.

    ReLU(Σ_k α_k A_k) with the increase of confidence α_k = f(x ⊙ s(A_k)) - f(background), s: enlarged and
    brought to [0, 1] (their definitions 2 and 3). The film shows the masking's fill where a map is 0. Of more
    maps than calls the most varied ones are taken. The maps themselves are one call, the background another.
    """

    name: ClassVar[str] = "score-cam"
    title: ClassVar[str] = "Score-CAM"
    random: ClassVar[bool] = False

    def attribute(self, question: Question) -> np.ndarray:
        """Map float (H, W)."""
        maps = question.last_maps()
        allowed = question.calls - 2
        if allowed < 1:
            raise option_error(self.name, "calls", question.calls, "at least 3")
        spread = np.ptp(maps, axis=(1, 2))
        chosen = [k for k in np.argsort(-maps.std((1, 2)), kind="stable")[:allowed] if spread[k] > 0]
        if not chosen:
            return np.zeros(question.segments.shape)
        large = question.enlarged(maps[chosen])
        low = large.min((1, 2), keepdims=True)
        soft = (large - low) / np.maximum(np.ptp(large, axis=(1, 2), keepdims=True), 1e-12)
        gain = question.score_blended(soft) - question.score(question.background)
        return np.maximum(np.tensordot(gain, large, axes=1), 0)
