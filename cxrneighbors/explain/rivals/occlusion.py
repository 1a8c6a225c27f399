"""Occlusion: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4.2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cxrneighbors.explain.rivals.base import Question, option_error


@dataclass(frozen=True)
class Occlusion:
    """A square of the masking's fill is slid over the film; how far does the score fall?

    A pixel's evidence is the mean fall f(x) - f(x occluded) over the squares that cover it. `window`: the
    square's side as a share of the film's. The squares lie evenly, as many a side as the calls allow.
    """

    name: ClassVar[str] = "occlusion"
    title: ClassVar[str] = "Occlusion"
    random: ClassVar[bool] = False

    window: float = 0.15

    def __post_init__(self) -> None:
        if not 0 < self.window <= 1:
            raise option_error(
                self.name, "window", self.window, "a share of the film's side, above 0, up to 1"
            )

    def attribute(self, question: Question) -> np.ndarray:
        """Map float (H, W)."""
        shape, corners = question.segments.shape, self.corners(question)
        sides = [max(1, round(self.window * side)) for side in shape]
        covered, fall = np.zeros(shape), np.zeros(shape)
        for start in range(0, len(corners), 64):
            part = corners[start : start + 64]
            open_ = np.ones((len(part), *shape), dtype=np.float32)
            for mask, (top, left) in zip(open_, part, strict=True):
                mask[top : top + sides[0], left : left + sides[1]] = 0
            falls = question.prediction - question.score_blended(open_)
            fall += np.tensordot(falls, 1 - open_, axes=1)
            covered += (1 - open_).sum(0)
        return np.asarray(fall / np.maximum(covered, 1))

    def corners(self, question: Question) -> list[tuple[int, int]]:
        """Upper left corners of the squares, row by row: at most `calls`, the film's borders included."""
        height, width = question.segments.shape
        a_side = int(question.calls**0.5)
        if a_side < 1 / self.window:
            need = int(np.ceil(1 / self.window)) ** 2
            raise option_error(self.name, "calls", question.calls, f"at least {need}, to cover the film")
        rows, columns = (
            np.unique(np.linspace(0, side - max(1, round(self.window * side)), a_side).round().astype(int))
            for side in (height, width)
        )
        return [(int(top), int(left)) for top in rows for left in columns]
