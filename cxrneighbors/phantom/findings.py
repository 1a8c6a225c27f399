"""What each finding does to a film: how much air it takes from a lung, and the density it adds.

One function per finding. Each sees one lung of one view and returns a `Change`; Cardiomegaly changes the
outline of the heart instead (`scene.study_shape`), and Emphysema also the diaphragm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cxrneighbors.phantom.fields import blob, bump, smooth_noise, step
from cxrneighbors.phantom.patients import Lesion
from cxrneighbors.phantom.scene import Lung, Scene

AIR = 0.42  # density that a full depth of air takes off the tissue


@dataclass(frozen=True)
class Change:
    """What a lesion does, each float32 (H, W) or None.

    opacity: share of the lung's air replaced by fluid or tissue, in [0, 1]. density: added on top. lucency:
    share of the lung's vessels that are gone because air lies outside of the lung there, in [0, 1].
    """

    opacity: np.ndarray | None = None
    density: np.ndarray | None = None
    lucency: np.ndarray | None = None


def effusion(lesion: Lesion, lung: Lung, scene: Scene) -> Change:
    """Fluid in the pleural space: a level with a meniscus when erect, a veil when supine."""
    span = lung.floor - lung.top
    level = lung.floor - span * (0.13 + 0.46 * lesion.severity**1.2)
    y = scene.grid.y
    if scene.upright:
        rise = 0.17 + 0.10 * lesion.severity
        surface = level + rise * (1.0 - bump(lung.wall - 0.03, 0.20)) - 0.04
        return Change(opacity=0.96 * step(y - surface, 0.06))
    veil = (0.25 + 0.35 * lesion.severity) * step(y - level + 0.25, 0.9)
    return Change(opacity=np.maximum(veil, 0.95 * step(y - lung.floor + 0.10 + 0.16 * lesion.severity, 0.14)))


def pneumothorax(lesion: Lesion, lung: Lung, scene: Scene) -> Change:
    """Air between lung and rib cage: a rim without vessels, bounded by the thin line of the pleura."""
    height = np.clip((lung.floor - scene.grid.y) / (lung.floor - lung.top), 0.0, 1.0)
    share = 0.5 if lung.sideways else 1.0  # from the side the other lung lies over it
    rim = share * (0.11 + 0.34 * lesion.severity) * (0.35 + 0.85 * height)
    gap = rim - lung.wall + 0.035
    outside = step(gap, 0.015)
    line = 0.15 * bump(gap, 0.010)
    return Change(density=share * (line - 0.24 * outside), lucency=outside)


def consolidation(lesion: Lesion, lung: Lung, scene: Scene) -> Change:
    """Patchy airspace opacity with a soft edge, crossed by darker air bronchograms."""
    rng = np.random.default_rng(lesion.seed)
    radius = 0.24 + 0.18 * lesion.extent
    field = blob(scene.grid, lung.at(lesion.place), (radius * 0.95, radius * 1.15), edge=1.5)
    patchy = 0.13 * smooth_noise(rng, scene.grid.size, 12) + 0.10 * smooth_noise(rng, scene.grid.size, 30)
    opacity = (0.45 + 0.47 * lesion.severity) * step(field - 0.42 + patchy * step(field - 0.1, 0.2), 0.8)
    return Change(opacity=opacity * (1.0 - 1.2 * np.clip(scene.vessels, 0.0, 0.4)))


def atelectasis(lesion: Lesion, lung: Lung, scene: Scene) -> Change:
    """Plate-like bands at the base; a collapsed wedge beside the spine when severe."""
    rng = np.random.default_rng(lesion.seed)
    x0, y0 = lung.at(lesion.place)
    opacity = np.zeros_like(scene.grid.x)
    for _ in range(1 + int(rng.integers(1, 3))):
        centre = (x0 + float(rng.normal(0, 0.05)), y0 + float(rng.normal(0, 0.06)))
        length = 0.16 + 0.10 * lesion.extent
        band = blob(scene.grid, centre, (length, 0.022 + 0.012 * lesion.severity), float(rng.normal(0, 0.25)))
        opacity = np.maximum(opacity, (0.40 + 0.35 * lesion.severity) * band)
    if lesion.severity > 0.35:
        root_x, root_y = lung.hilum
        slant = 0.16 * (scene.grid.y - root_y) + 0.13 + 0.16 * lesion.severity
        wedge = step(slant - np.abs(scene.grid.x - root_x), 0.09) * step(scene.grid.y - root_y - 0.12, 0.25)
        opacity = np.maximum(opacity, (0.35 + 0.5 * lesion.severity) * wedge)
    return Change(opacity=opacity)


def edema(lesion: Lesion, lung: Lung, scene: Scene) -> Change:
    """Perihilar haze in both lungs, the bat's wing, with thickened vessels and peribronchial cuffs."""
    rng = np.random.default_rng(lesion.seed)
    x0, y0 = lung.hilum
    far = np.hypot((scene.grid.x - x0) * 1.15, (scene.grid.y - y0 - 0.06) * 0.85)
    haze = bump(far, 0.50 + 0.16 * lesion.severity)
    mottle = 0.85 + 0.22 * smooth_noise(rng, scene.grid.size, 26)
    opacity = (0.36 + 0.50 * lesion.severity) * haze * mottle
    cuffs = 0.5 * haze * lesion.severity * np.maximum(scene.vessels, 0.0)
    return Change(opacity=np.clip(opacity, 0.0, 0.95), density=cuffs)


def nodule(lesion: Lesion, lung: Lung, scene: Scene) -> Change:
    """A round shadow below 3 cm."""
    radius = 0.035 + 0.035 * lesion.extent
    ball = blob(scene.grid, lung.at(lesion.place), (radius, radius), edge=0.45)
    return Change(density=(0.12 + 0.14 * lesion.severity) * ball * _within(lung))


def mass(lesion: Lesion, lung: Lung, scene: Scene) -> Change:
    """A lobulated shadow of 3 cm and more."""
    rng = np.random.default_rng(lesion.seed)
    radius = 0.12 + 0.10 * lesion.extent
    x0, y0 = lung.at(lesion.place)
    angle = np.arctan2(scene.grid.y - y0, scene.grid.x - x0)
    phase = rng.uniform(0, 2 * np.pi, 3).astype(np.float32)
    wavy = 1.0 + 0.07 * np.sin(3 * angle + phase[0]) + 0.05 * np.sin(5 * angle + phase[1])
    wavy = wavy + 0.03 * np.sin(9 * angle + phase[2])
    far = np.hypot(scene.grid.x - x0, scene.grid.y - y0) / (radius * wavy)
    ball = step(1.0 - far, 0.25) * np.sqrt(np.clip(1.25 - 0.6 * far * far, 0.0, 1.0))
    return Change(density=(0.24 + 0.14 * lesion.severity) * ball * _within(lung))


def emphysema(lesion: Lesion, lung: Lung, scene: Scene) -> Change:
    """More air, fewer vessels; the flattened diaphragm and narrow heart come with the body's shape."""
    gain = (0.14 + 0.30 * lesion.severity) * AIR * 0.6
    return Change(
        density=-gain * lung.air, lucency=(0.30 + 0.4 * lesion.severity) * np.minimum(lung.air, 1.0)
    )


def pleural_thickening(lesion: Lesion, lung: Lung, scene: Scene) -> Change:
    """An uneven band along the lateral chest wall, at the apex or over the lower half."""
    rng = np.random.default_rng(lesion.seed)
    height = (lung.floor - scene.grid.y) / (lung.floor - lung.top)
    apical = lesion.extent < 0.35
    zone = step(height - 0.66, 0.25) if apical else step(0.72 - height, 0.25)
    wave = smooth_noise(rng, scene.grid.size, 12)
    thick = (0.06 + 0.09 * lesion.severity) * (1.0 + 0.28 * wave)
    return Change(opacity=0.85 * step(thick + 0.03 - lung.wall, 0.03) * zone)


def _within(lung: Lung) -> np.ndarray:
    return np.minimum(lung.air * 2.5, 1.0)


DRAW: dict[str, Callable[[Lesion, Lung, Scene], Change]] = {
    "Atelectasis": atelectasis,
    "Consolidation": consolidation,
    "Edema": edema,
    "Effusion": effusion,
    "Emphysema": emphysema,
    "Mass": mass,
    "Nodule": nodule,
    "Pleural_Thickening": pleural_thickening,
    "Pneumothorax": pneumothorax,
}
