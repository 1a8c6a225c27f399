"""The PA and AP film before its lesions: lungs, heart, bones and soft tissue seen from the front.

The left of the film is the patient's right. Density runs from 0 (air beside the body) to about 1.2 (spine
over abdomen); air in the lungs is taken off later, because lesions replace it.
"""

from __future__ import annotations

import math

import numpy as np

from cxrneighbors.phantom.anatomy import Anatomy
from cxrneighbors.phantom.fields import (
    Grid,
    Strokes,
    blob,
    bump,
    lookup,
    profile_line,
    smooth_noise,
    step,
)
from cxrneighbors.phantom.patients import Study
from cxrneighbors.phantom.scene import Lung, Scene, Shape, study_shape

WALL = 0.035  # thickness of the chest wall inside the ribs' outer rim


def frontal_scene(anatomy: Anatomy, study: Study, grid: Grid, ap: bool) -> Scene:
    """Draw the healthy frontal film of a study (heart and diaphragm already in the shape of its findings)."""
    shape = study_shape(anatomy, study, ap)
    x = grid.x - anatomy.spine_bend * np.sin(2.5 * grid.y)
    y = grid.y
    wall, width = _rib_cage(anatomy, shape, x, y)
    domes = _domes(anatomy, shape, x)
    above = step(domes - y, 0.03)
    middle, heart = _mediastinum(anatomy, shape, x, y)
    inside = step(wall - WALL, 0.03)
    air = inside * above * (1.0 - 0.93 * middle) * (0.62 + 0.38 * np.clip(wall * 4.0, 0.0, 1.0))
    air = air * (1.0 - 0.24 * np.clip(y + 0.15, -0.4, 0.7))
    tissue = _soft_tissue(anatomy, shape, grid, x, y, wall) + 0.06 * heart * above
    tissue += 0.16 * middle * (0.25 + 0.75 * step(y + 0.42, 0.6)) * (0.10 + 0.90 * above)
    tissue += _bones(anatomy, shape, x, y, wall, width, domes)
    tissue -= _windpipe(anatomy, x, y) + _stomach(anatomy, study, grid, shape)
    lungs = tuple(_lung(side, anatomy, shape, x, air, wall) for side in ("right", "left"))
    vessels = _vessels(anatomy, grid, shape)
    upright = study.position == "erect"
    return Scene(grid, tissue, lungs, vessels, heart * above, upright)


def _rib_cage(anatomy: Anatomy, shape: Shape, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance inward from the rib cage, and its half width at each height."""
    widest, top = 0.30, anatomy.lung_top
    t = (widest - y) * np.float32(1.0 / (widest - top))
    up = np.maximum(t, 0.0)
    level = up * up * np.sqrt(up)
    half = anatomy.thorax_width * (1.0 + 0.05 * np.maximum(-t, 0.0))
    ratio = x / half
    implicit = 1.0 - ratio * ratio - level
    slope_x = 2.0 * np.abs(ratio) / half
    slope_y = 2.5 / (widest - top) * up * np.sqrt(up)
    wall = implicit / np.maximum(np.hypot(slope_x, slope_y), 1.1)
    width = half * np.sqrt(np.maximum(1.0 - level, 0.10))
    return wall.astype(np.float32), width.astype(np.float32)


def _domes(anatomy: Anatomy, shape: Shape, x: np.ndarray) -> np.ndarray:
    """y of the diaphragm at each x: two domes, the right one higher, falling to the costophrenic angles."""
    half = anatomy.thorax_width
    left = x > 0
    centre = np.where(left, np.float32(0.50 * half), np.float32(-0.50 * half))
    height = np.float32(shape.dome) + np.float32(anatomy.dome_gap) * step(x, 0.4)
    off = (x - centre) / np.float32(0.5 * half)
    lateral = np.where(left, off, -off) > 0
    fall = np.where(lateral, np.float32(0.20), np.float32(0.035)) * np.float32(1.0 - 0.55 * shape.flat)
    off = off * off
    return height + fall * off * (0.55 + 0.45 * off)


def heart_borders(anatomy: Anatomy, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Borders of the mediastinum: distance from the spine of the right and of the left border.

    Two profile lines (see `fields.profile_line`) over y. The widest right and left point of the heart are
    together `heart_ratio` of the inner thorax apart.
    """
    half = anatomy.thorax_width - WALL
    total = 2.0 * half * shape.heart_ratio
    right, left = 0.36 * total, 0.64 * total
    low = shape.dome + 0.08 - 0.04 * anatomy.heart_tilt
    vessel = 0.115 + (0.03 if shape.ap else 0.0)
    knob = vessel + 0.02 + anatomy.aorta + (0.01 if shape.ap else 0.0)
    # (y, right border, left border) from the neck to below the diaphragm.
    knots = [
        (-1.2, 0.10, 0.10),
        (-0.75, 0.095, 0.10),
        (-0.45, vessel, 0.11),
        (-0.36, vessel, knob - 0.02),
        (-0.30, vessel, knob),
        (-0.23, vessel, knob - 0.01),
        (-0.15, vessel, vessel - 0.005),
        (-0.04, vessel + 0.01, 0.30 * left + 0.085),
        (low - 0.28, 0.88 * right, 0.66 * left + 0.03),
        (low - 0.14, right, 0.91 * left),
        (low - 0.03, 0.97 * right, left),
        (low + 0.06, 0.85 * right, 0.93 * left),
        (low + 0.16, 0.7 * right, 0.66 * left),
        (low + 0.30, 0.6 * right, 0.5 * left),
        (1.5, 0.15, 0.15),
    ]
    borders = []
    for column, widest in ((1, right), (2, left)):
        line = profile_line([(row[0], row[column]) for row in knots])
        # Rounding takes a little off the heart's widest point; put it back where the ratio wants it.
        below = np.clip(0.05 * (np.arange(len(line)) - 160.0), 0.0, 1.0)
        borders.append(line * (1.0 + (widest / line[160:].max() - 1.0) * below))
    return borders[0], borders[1]


def _mediastinum(
    anatomy: Anatomy, shape: Shape, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Soft outline of all of the mediastinum, and of the heart alone, each in [0, 1]."""
    right, left = heart_borders(anatomy, shape)
    outline = step(x + lookup(y, right), 0.045) * step(lookup(y, left) - x, 0.045)
    return outline, outline * step(y + 0.08, 0.20)


def _soft_tissue(
    anatomy: Anatomy, shape: Shape, grid: Grid, x: np.ndarray, y: np.ndarray, wall: np.ndarray
) -> np.ndarray:
    """Muscle, fat, abdomen, neck, arms and breasts."""
    stout = anatomy.soft_tissue
    side = np.abs(x)
    # The flank widens upwards into the armpit; arms are lifted off a PA film and hang down on an AP one.
    lift = np.clip((np.float32(0.08) - y) * np.float32(1.5), 0.0, 1.3)
    skin = np.float32(anatomy.thorax_width + 0.08 + 0.11 * stout) + 0.45 * lift * lift
    trunk = skin + 0.05 * stout * np.clip(y, -0.5, 1.0) - side
    shoulder_y = anatomy.shoulder - 0.16 - 0.50 * np.exp(-np.square(side * 3.1)) + 0.22 * side * side
    top = y - shoulder_y
    neck = np.minimum(0.19 + 0.05 * stout - side, 0.12)
    body = np.maximum(step(np.minimum(trunk, top * 0.8), 0.05), step(neck, 0.05))
    depth = np.clip(np.minimum(trunk * 2.6, top * 2.2), 0.0, 1.0)
    thick = 0.50 + 0.10 * stout
    density: np.ndarray = thick * body * (0.60 + 0.40 * np.maximum(depth, 0.45 * step(neck, 0.2)))
    if shape.ap:
        arm = np.abs(side - 1.00 - 0.05 * stout) - 0.10
        density = np.maximum(density, 0.60 * thick * step(-arm, 0.10) * step(y - anatomy.shoulder, 0.2))
        density += 0.12 * step(0.045 - np.abs(side - 0.96), 0.03) * step(y - anatomy.shoulder, 0.1)
    centre_y = shape.dome + 0.45
    abdomen = step(y - centre_y + 0.55, 0.5) * body
    density += (0.25 + 0.04 * stout + 0.10 * bump(x, 0.75)) * abdomen
    if anatomy.breast:
        size = 0.20 + 0.10 * anatomy.breast
        for sign in (-1.0, 1.0):
            centre = (sign * 0.40, 0.22 + 0.16 * anatomy.breast)
            breast = blob(grid, centre, (size, size * 1.05), edge=0.35)
            density += 0.10 * anatomy.breast * breast * (1.0 - 0.85 * abdomen)
    return density


def _bones(
    anatomy: Anatomy,
    shape: Shape,
    x: np.ndarray,
    y: np.ndarray,
    wall: np.ndarray,
    width: np.ndarray,
    domes: np.ndarray,
) -> np.ndarray:
    side = np.abs(x)
    s = np.minimum(side / width, 1.1)
    inside = step(wall + 0.01, 0.03)
    bend = anatomy.rib_slope
    back = -0.05 * np.sin(5.0 * np.minimum(s, 0.63)) + 0.24 * bend * s * s * s
    front = 0.24 * bend + 0.34 * (1.0 - s) * (1.1 - 0.25 * y)
    posterior = _ribs((y - anatomy.lung_top - back) / anatomy.rib_spacing, 0.21)
    anterior = _ribs((y - anatomy.lung_top - front) / anatomy.rib_spacing + 0.35, 0.17)
    ribs = 0.078 * posterior * step(side - 0.07, 0.05) + 0.036 * anterior * step(s - 0.42, 0.3)
    age = 1.15 - 0.004 * anatomy.age
    below = 1.0 - 0.88 * step(y - domes, 0.08)
    density: np.ndarray = age * ribs * inside * below + 0.035 * bump(wall - 0.0, 0.018) * below
    # Spine: body, end plates and the row of spinous processes.
    u = y / 0.105 + 0.3
    f = np.abs(u - np.floor(u) - 0.5)
    spine = step(0.085 - side, 0.03) * (0.75 + 0.25 * step(0.42 - f, 0.08)) + 0.22 * bump(side, 0.025) * step(
        0.28 - f, 0.1
    )
    density += 0.10 * spine * (0.6 + 0.4 * step(y + 0.5, 0.4))
    rise = anatomy.clavicle_slope - (0.10 if shape.ap else 0.0)
    line = anatomy.lung_top + 0.20 - (0.07 if shape.ap else 0.0) - rise * side + 0.06 * np.sin(7.0 * side)
    d = np.abs(y - line)
    clavicle = step(0.030 - d, 0.02) + 0.5 * bump(d - 0.027, 0.010)
    density += 0.125 * clavicle * step(side - 0.06, 0.04) * step(0.80 - side, 0.06)
    density += _scapulae(anatomy, shape, side, y)
    return density


def _ribs(u: np.ndarray, half: float) -> np.ndarray:
    """Profile across ribs that repeat at every whole `u`: soft bands with a brighter lower rim."""
    f = u - np.floor(u) - np.float32(0.5)
    return step(half - np.abs(f), 0.14) + 0.55 * bump(f - half + 0.03, 0.05)


def _scapulae(anatomy: Anatomy, shape: Shape, side: np.ndarray, y: np.ndarray) -> np.ndarray:
    inner = anatomy.thorax_width * (0.80 if shape.ap else 1.0) - 0.02
    border = side - (inner + 0.16 * (y + 0.25) * (y + 0.25) - 0.10 * (y + 0.25))
    span = step(y + 0.68, 0.1) * step(0.02 - y, 0.12)
    blade = step(border, 0.02) * step(0.24 - border, 0.10)
    head_x, head_y = side - (anatomy.thorax_width + 0.22), y - anatomy.shoulder - 0.06
    head = step(0.13 - np.hypot(head_x, head_y), 0.10)
    return np.asarray((0.05 * blade + 0.06 * bump(border, 0.012)) * span + 0.07 * head)


def _windpipe(anatomy: Anatomy, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    side = np.abs(x)
    trachea = step(0.042 - side, 0.03) * step(-0.22 - y, 0.05)
    fork = np.abs(side - 0.55 * (y + 0.25) - 0.02)
    bronchi = step(0.024 - fork, 0.025) * step(y + 0.26, 0.04) * step(-0.06 - y, 0.1)
    return np.asarray(0.15 * trachea + 0.09 * bronchi)


def _stomach(anatomy: Anatomy, study: Study, grid: Grid, shape: Shape) -> np.ndarray:
    size, fill = anatomy.stomach
    width = 0.08 + 0.12 * size
    centre_x = (0.34 + 0.20 * fill) * anatomy.thorax_width
    centre = (centre_x, shape.dome + anatomy.dome_gap + 0.07 + width * 0.6)
    gas = blob(grid, centre, (width, width * (0.9 - 0.4 * size)), angle=0.5 * (fill - 0.6), edge=0.3)
    if study.position == "erect":  # the fluid level is flat when the patient stands
        gas = gas * step(centre[1] + 0.25 * width - grid.y, 0.02)
    return 0.24 * fill * gas


def _lung(
    side: str,
    anatomy: Anatomy,
    shape: Shape,
    x: np.ndarray,
    air: np.ndarray,
    wall: np.ndarray,
) -> Lung:
    sign = -1.0 if side == "right" else 1.0
    own = step(sign * x, 0.01)
    dome = shape.dome + (anatomy.dome_gap if side == "left" else 0.0)
    half = anatomy.thorax_width
    return Lung(
        side=side,
        air=(air * own).astype(np.float32),
        wall=wall,
        floor=dome + 0.20 * (1.0 - 0.55 * shape.flat),
        top=anatomy.lung_top,
        hilum=(sign * 0.19, -0.06 if side == "right" else -0.10),
        corners=((sign * 0.20, dome - 0.02), (sign * (half - 0.10), anatomy.lung_top + 0.12)),
        sideways=False,
    )


def _vessels(anatomy: Anatomy, grid: Grid, shape: Shape) -> np.ndarray:
    """Density of the branching lung vessels and of both hila: float32 (H, W)."""
    rng = np.random.default_rng(anatomy.vessel_seed)
    strokes = Strokes(grid)
    for sign, hilum_y in ((-1.0, -0.05), (1.0, -0.09)):
        for angle in (-1.25, -0.75, -0.25, 0.2, 0.55, 0.85, 1.1, 1.4):
            start = (sign * (0.13 + 0.03 * float(rng.random())), hilum_y + 0.06 * angle)
            _branch(strokes, rng, start, sign, angle + float(rng.normal(0.0, 0.12)), 0.030, 0)
    hila = sum(
        blob(grid, (sign * 0.165, y0 + 0.05), (0.060, 0.15), -sign * 0.25, edge=0.9)
        for sign, y0 in ((-1.0, -0.05), (1.0, -0.09))
    )
    mottle = 0.030 * smooth_noise(rng, grid.size, 60) + 0.020 * smooth_noise(rng, grid.size, 22)
    return 0.15 * strokes.values() + 0.13 * hila + mottle


def _branch(
    strokes: Strokes,
    rng: np.random.Generator,
    start: tuple[float, float],
    sign: float,
    angle: float,
    width: float,
    level: int,
) -> None:
    """One vessel from `start`, winding and thinning, with twigs on both sides."""
    x, y = start
    turns = rng.normal(0.0, 0.22, 4)
    for part in range(4 - level):
        angle += float(turns[part])
        reach = (0.11, 0.085, 0.06)[level]
        end = (x + sign * math.cos(angle) * reach, y + math.sin(angle) * reach)
        strokes.line([(x, y), end], width, min(1.0, 0.22 + 24.0 * width))
        x, y = end
        width *= 0.74
        if level == 0 or (level == 1 and part == 1):
            twig = angle + float(rng.choice((-0.7, 0.7))) + float(turns[part])
            _branch(strokes, rng, end, sign, twig, width * 0.75, level + 1)
