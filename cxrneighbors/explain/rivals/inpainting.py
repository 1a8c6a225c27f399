"""Neighbourhood inpainting, after Lenis et al., "Domain aware medical image classifier interpretation by
counterfactual impact analysis", MICCAI 2020."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from cxrneighbors.errors import choose
from cxrneighbors.explain.rivals.base import Question

SOURCES = ("neighbours", "biharmonic")


@dataclass(frozen=True)
class Inpainting:
    """Each segment alone is replaced by healthy tissue; how far does the score fall?

    Lenis et al. replace regions by what a network, trained on healthy films, paints there given the
    surroundings, and measure the impact on the score. Here the healthy tissue is, by `source`:

    - 'neighbours': the mean of the K neighbours without the target, the film's look-alikes, in that place;
    - 'biharmonic': the surroundings continued smoothly (`skimage.restoration.inpaint_biharmonic`).

    A segment's weight is f(x) - f(x with it replaced). One call a segment; of more segments than calls the
    largest are asked about, the others have weight 0.
    """

    name: ClassVar[str] = "inpainting"
    title: ClassVar[str] = "Inpainting"
    random: ClassVar[bool] = False

    source: str = "neighbours"

    def __post_init__(self) -> None:
        choose(f"source of method {self.name}", self.source, SOURCES)

    @property
    def uses_neighbours(self) -> bool:
        """Whether the source are neighbours."""
        return self.source == "neighbours"

    def attribute(self, question: Question) -> np.ndarray:
        """Weights float64 (S,)."""
        film, segments = question.film.pixels, question.segments
        mean = None
        if self.source == "neighbours":
            mean = question.neighbours(without_target=True).pixels().mean(0)
        asked = np.argsort(-np.bincount(segments.ravel()), kind="stable")[: question.calls]
        weights = np.zeros(question.n_segments)
        for number in asked:
            hole = segments == number
            painted = _continued(film, hole) if mean is None else np.where(hole, mean, film)
            image = torch.from_numpy(painted.astype(np.float32))[None]
            weights[number] = question.prediction - question.score(image)[0]
        return weights


def _continued(film: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The film (C, H, W) with `hole` bool (H, W) painted over from its borders."""
    from skimage.restoration import inpaint_biharmonic

    painted = inpaint_biharmonic(film.astype(np.float64), hole, channel_axis=0)
    return np.asarray(np.clip(painted, 0, 1))
