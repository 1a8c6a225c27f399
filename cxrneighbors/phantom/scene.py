"""The parts of which both views are made: lungs that hold air, and the tissue around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxrneighbors.phantom.anatomy import Anatomy
from cxrneighbors.phantom.fields import Grid
from cxrneighbors.phantom.patients import Study


@dataclass(frozen=True)
class Lung:
    """One lung as a film shows it; arrays are float32 (H, W).

    air: depth of air along the ray, 0 (none) to 1. wall: distance inward from the rib cage (negative
    outside). floor: y of the costophrenic angle. top: y of the apex. hilum: (x, y). corners: (x, y) of the
    places (0, 0), low beside the spine, and (1, 1), at the outer apex.
    """

    side: str
    air: np.ndarray
    wall: np.ndarray
    floor: float
    top: float
    hilum: tuple[float, float]
    corners: tuple[tuple[float, float], tuple[float, float]]
    sideways: bool  # a lateral film: the place's third coordinate runs across the film

    def at(self, place: tuple[float, float, float]) -> tuple[float, float]:
        """Body coordinates (x, y) of a lesion's place in this view."""
        across = place[2] if self.sideways else place[0]
        (x0, y0), (x1, y1) = self.corners
        return x0 + across * (x1 - x0), y0 + place[1] * (y1 - y0)


@dataclass(frozen=True)
class Scene:
    """A view before its lesions: tissue density float32 (H, W), lungs, vessels, and the outline of the heart.

    vessels: density of the lung vessels where there is air. heart: soft outline in [0, 1].
    """

    grid: Grid
    tissue: np.ndarray
    lungs: tuple[Lung, ...]
    vessels: np.ndarray
    heart: np.ndarray
    upright: bool


@dataclass(frozen=True)
class Shape:
    """The outline that a study gives the body: what breathing, projection and shape-changing findings do."""

    heart_ratio: float  # cardiothoracic ratio on this film
    dome: float  # y of the right dome
    flat: float  # 0 rounded to 1 flattened domes
    depth: float  # half depth of the thorax
    ap: bool


def study_shape(anatomy: Anatomy, study: Study, ap: bool) -> Shape:
    """Shape of the body in one study.

    A healthy heart stays below half of the thorax even on an AP film, which enlarges it; Cardiomegaly starts
    above half (cardiothoracic ratio, the textbook criterion on a PA film).
    """
    severity = {lesion.finding: lesion.severity for lesion in study.lesions}
    ratio = min(anatomy.heart_ratio * (1.06 if ap else 1.0), 0.485)
    emphysema = severity.get("Emphysema", 0.0)
    if "Cardiomegaly" in severity:
        ratio = 0.535 + 0.15 * severity["Cardiomegaly"] + (0.01 if ap else 0.0)
    elif emphysema:
        ratio *= 0.92 - 0.08 * emphysema
    dome = anatomy.dome + 0.07 * (study.inspiration - 0.6) - (0.05 if study.position == "supine" else 0.0)
    return Shape(
        heart_ratio=ratio,
        dome=dome + (0.05 + 0.09 * emphysema if emphysema else 0.0),
        flat=0.35 + 0.65 * emphysema if emphysema else 0.0,
        depth=anatomy.thorax_depth + (0.02 + 0.05 * emphysema if emphysema else 0.0),
        ap=ap,
    )
