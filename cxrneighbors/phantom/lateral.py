"""The lateral film before its lesions: the patient faces the left of the film, both lungs overlap."""

from __future__ import annotations

import math

import numpy as np

from cxrneighbors.phantom.anatomy import Anatomy
from cxrneighbors.phantom.fields import Grid, Strokes, blob, bump, profile, smooth_noise, step
from cxrneighbors.phantom.patients import Study
from cxrneighbors.phantom.scene import Lung, Scene, Shape, study_shape


def lateral_scene(anatomy: Anatomy, study: Study, grid: Grid) -> Scene:
    """Draw the healthy lateral film of a study (heart and diaphragm in the shape of its findings)."""
    shape = study_shape(anatomy, study, ap=False)
    x, y = grid.x, grid.y
    wall, front, back = _thorax(anatomy, shape, x, y)
    heart = _heart(anatomy, shape, grid)
    spine_x = back - 0.10
    inside = step(wall - 0.02, 0.03)
    shade = 0.5 + 0.5 * np.clip(wall * 2.8, 0.0, 1.0)
    tissue = _soft_tissue(anatomy, grid, x, y, front, back)
    tissue += 0.07 * heart + _spine(x, y, spine_x)
    tissue += 0.10 * blob(grid, (0.06, -0.02), (0.10, 0.14), edge=0.9)  # both hila on top of each other
    tissue -= 0.13 * step(0.035 - np.abs(x - 0.02 - 0.12 * (y + 1.0)), 0.03) * step(-0.15 - y, 0.08)
    lungs = []
    domes = []
    for side, gap in (("right", 0.0), ("left", anatomy.dome_gap)):
        dome = _dome(shape, x, gap)
        domes.append(dome)
        air = inside * step(dome - y, 0.03) * shade * (1.0 - 0.55 * heart) * 0.5
        lungs.append(
            Lung(
                side=side,
                air=air.astype(np.float32),
                wall=wall,
                floor=shape.dome + gap + 0.34 * (1.0 - 0.4 * shape.flat),
                top=anatomy.lung_top,
                hilum=(0.06, -0.02),
                corners=((-0.34, shape.dome + gap), (0.34, anatomy.lung_top + 0.15)),
                sideways=True,
            )
        )
    below = step(y - np.minimum(domes[0], domes[1]), 0.05)
    tissue += _bones(anatomy, x, y, wall, front, back, below)
    tissue += (0.22 + 0.05 * anatomy.soft_tissue) * below * step(wall + 0.10, 0.25)
    gas = blob(grid, (0.02, shape.dome + anatomy.dome_gap + 0.16), (0.14, 0.07), edge=0.3)
    tissue -= 0.16 * anatomy.stomach[1] * gas
    return Scene(grid, tissue, tuple(lungs), 2.0 * _vessels(anatomy, grid), heart, True)


def _thorax(
    anatomy: Anatomy, shape: Shape, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distance inward from the chest wall, and x of its front and back at each height."""
    top = anatomy.lung_top - 0.05
    wide = shape.depth / 0.56
    front = profile(
        y,
        [(top, 0.06), (top + 0.06, -0.06), (-0.55, -0.20 * wide), (-0.20, -0.40 * wide), (0.15, -0.53 * wide),
         (0.45, -0.55 * wide), (1.0, -0.50 * wide)],
        smoothing=21,
    )  # fmt: skip
    back = profile(
        y,
        [(top, 0.12), (top + 0.08, 0.28), (-0.52, 0.44 * wide), (-0.20, 0.52 * wide), (0.20, 0.53 * wide),
         (0.60, 0.47 * wide), (1.0, 0.38 * wide)],
        smoothing=21,
    )  # fmt: skip
    wall = np.minimum((x - front) * 0.85, (back - x) * 0.95)
    return np.minimum(wall, y - np.float32(top)).astype(np.float32), front, back


def _dome(shape: Shape, x: np.ndarray, gap: float) -> np.ndarray:
    """y of one dome of the diaphragm: highest in front of the middle, deepest at the back."""
    off = x + 0.10
    fall = np.where(off > 0, np.float32(0.95), np.float32(0.45)) * np.float32(1.0 - 0.45 * shape.flat)
    return shape.dome + gap + fall * off * off


def _heart(anatomy: Anatomy, shape: Shape, grid: Grid) -> np.ndarray:
    """Outline of the heart, lying on the front of the diaphragm: float32 (H, W) in [0, 1]."""
    size = shape.heart_ratio / 0.43
    radius = (0.34 * size, 0.25 * (0.45 + 0.55 * size))
    centre = (-0.24 + 0.8 * (radius[1] - 0.25), shape.dome - 0.12)
    return blob(grid, centre, radius, angle=-0.75, edge=0.45)


def _soft_tissue(
    anatomy: Anatomy, grid: Grid, x: np.ndarray, y: np.ndarray, front: np.ndarray, back: np.ndarray
) -> np.ndarray:
    stout = anatomy.soft_tissue
    fat = 0.06 + 0.10 * stout
    # The arms are raised: they and the shoulders fill the top of the film.
    chest = front - fat - 0.10 * stout * step(y - 0.35, 0.8)
    arms_front = profile(y, [(-1.1, -0.42), (-0.85, -0.34), (-0.6, -0.30), (-0.3, -0.2)], smoothing=31)
    arms_back = profile(y, [(-1.1, 0.30), (-0.85, 0.46), (-0.6, 0.55), (-0.3, 0.5)], smoothing=31)
    upper = step(-0.45 - y, 0.5)
    skin_front = chest + (np.minimum(arms_front, chest) - chest) * upper
    skin_back = back + fat + 0.05
    skin_back = skin_back + (np.maximum(arms_back, skin_back) - skin_back) * upper
    outline = np.minimum(x - skin_front, skin_back - x)
    body = step(outline, 0.05)
    density: np.ndarray = (0.49 + 0.13 * stout) * (0.55 + 0.45 * np.clip(outline * 4.0, 0.0, 1.0))
    density += 0.34 * blob(grid, (0.14, -0.86), (0.62, 0.52), edge=1.0)  # both shoulders
    density *= body
    if anatomy.breast:
        size = 0.16 + 0.09 * anatomy.breast
        breast = blob(grid, (-0.50, 0.18), (size, size * 1.25), angle=0.35, edge=0.5)
        density = np.maximum(density, 0.34 * breast) + 0.10 * anatomy.breast * breast * body
    return density


def _spine(x: np.ndarray, y: np.ndarray, centre: np.ndarray) -> np.ndarray:
    off = np.abs(x - centre)
    u = y / 0.135 + 0.2
    f = np.abs(u - np.floor(u) - 0.5)
    body = step(0.09 - off, 0.05) * (0.6 + 0.4 * step(0.40 - f, 0.16))
    rim = bump(f - 0.37, 0.07) * step(0.085 - off, 0.04)
    # The spine darkens downwards on a lateral film: less shoulder lies over it.
    return np.asarray((0.10 * body + 0.035 * rim) * (1.0 - 0.3 * np.clip(y, -0.5, 0.6)))


def _bones(
    anatomy: Anatomy,
    x: np.ndarray,
    y: np.ndarray,
    wall: np.ndarray,
    front: np.ndarray,
    back: np.ndarray,
    below: np.ndarray,
) -> np.ndarray:
    s = np.clip((back - x) / np.maximum(back - front, 0.2), 0.0, 1.1)
    inside = step(wall + 0.03, 0.03)
    density = np.zeros_like(x)
    for offset in (0.0, 0.45):  # the two sides, one nearer to the film
        line = 0.50 * s * (1.0 + 0.15 * offset) - 0.12 * np.sin(3.1 * s)
        u = (y - anatomy.lung_top - line) / anatomy.rib_spacing + offset
        f = u - np.floor(u) - 0.5
        density += 0.038 * (step(0.18 - np.abs(f), 0.14) + 0.5 * bump(f - 0.15, 0.05))
    sternum = bump(x - front + 0.005, 0.028) * step(y + 0.62, 0.06) * step(0.22 - y, 0.08)
    scapula = bump(x - back + 0.20 - 0.25 * (y + 0.4), 0.02) * step(0.02 - y, 0.1)
    density = density * inside * (1.0 - 0.9 * below) * step(0.9 - s, 0.1)
    return np.asarray(density + 0.13 * sternum + 0.05 * scapula)


def _vessels(anatomy: Anatomy, grid: Grid) -> np.ndarray:
    rng = np.random.default_rng(anatomy.vessel_seed)
    strokes = Strokes(grid)
    for start in np.linspace(0.0, 2.0 * math.pi, 14, endpoint=False) + rng.normal(0.0, 0.2, 14):
        x0, y0 = 0.06 + 0.07 * math.cos(start), -0.02 + 0.10 * math.sin(start)
        width, angle = 0.026, float(start)
        for turn in rng.normal(0.0, 0.35, 4):
            angle += float(turn)
            reach = 0.05 + 2.5 * width
            x1, y1 = x0 + reach * math.cos(angle), y0 + reach * math.sin(angle)
            strokes.line([(x0, y0), (x1, y1)], width, 0.25 + 18 * width)
            twig = angle + (0.7 if turn > 0 else -0.7)
            tip = (x1 + 0.12 * math.cos(twig), y1 + 0.12 * math.sin(twig))
            strokes.line([(x1, y1), tip], width * 0.5, 0.2 + 12 * width)
            x0, y0, width = x1, y1, width * 0.7
    mottle = 0.03 * smooth_noise(rng, grid.size, 60) + 0.02 * smooth_noise(rng, grid.size, 22)
    return 0.05 * strokes.values() + 0.8 * mottle
