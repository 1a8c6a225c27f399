"""Tubes, lines, wires and clips, drawn where they run; the report names what is drawn."""

from __future__ import annotations

import numpy as np

from cxrneighbors.phantom.anatomy import Anatomy
from cxrneighbors.phantom.fields import Points, Strokes, curve
from cxrneighbors.phantom.patients import Study
from cxrneighbors.phantom.scene import Scene


def draw_devices(study: Study, scene: Scene, view: str, anatomy: Anatomy) -> np.ndarray | float:
    """Density of a study's devices on one film: float32 (H, W), or 0.0 where there are none."""
    if not study.devices:
        return 0.0
    strokes = Strokes(scene.grid)
    rng = np.random.default_rng([study.seed, 7])
    for device in study.devices:
        side = 1.0 if rng.random() < 0.5 else -1.0
        if device == "chest tube":  # it goes where the air is
            side = next(
                (-1.0 for le in study.lesions if le.finding == "Pneumothorax" and le.side == "right"), 1.0
            )
        jitter = [(float(a), float(b)) for a, b in rng.normal(0.0, 0.02, (12, 2))]
        if view == "LATERAL":
            _lateral(strokes, device, jitter)
        else:
            _frontal(strokes, device, jitter, side, anatomy)
    return 0.42 * strokes.values()


def _frontal(strokes: Strokes, device: str, jitter: Points, side: float, anatomy: Anatomy) -> None:
    dx, dy = jitter[0]
    half, top = anatomy.thorax_width, anatomy.lung_top
    if device == "endotracheal tube":
        for offset in (-0.013, 0.013):
            strokes.line([(offset + dx / 3, -1.1), (offset + dx / 3, -0.34 + dy)], 0.007, 0.75)
    elif device == "nasogastric tube":
        path = [(0.03, -1.1), (0.02 + dx, -0.4), (0.03, 0.1), (0.08, 0.45), (0.26 + dx, 0.68 + dy)]
        strokes.line(curve(path), 0.012, 0.7)
    elif device == "central venous catheter":
        path = [(-0.17 + dx, -1.0), (-0.16, -0.7), (-0.10, -0.45), (-0.10, -0.12 + dy)]
        strokes.line(curve(path), 0.011, 0.8)
    elif device == "chest port":
        x0, y0 = -0.42 + dx, top + 0.36 + dy
        strokes.polygon(_ring(x0, y0, 0.055), 0.95)
        strokes.polygon(_ring(x0, y0, 0.028), 0.45)
        strokes.line(curve([(x0, y0), (-0.40, top + 0.18), (-0.14, -0.5), (-0.10, -0.1 + dy)]), 0.011, 0.75)
    elif device == "pacemaker":
        x0, y0 = 0.52 * half / 0.72 + dx, top + 0.30 + dy
        strokes.polygon([(x0 + 0.085 * a, y0 + 0.075 * b) for a, b in _ring(0, 0, 1.0)], 1.0)
        strokes.line(
            curve([(x0, y0), (0.34, top + 0.12), (0.0, -0.46), (-0.12, -0.1), (-0.1, 0.18)]), 0.013, 0.8
        )
        strokes.line(
            curve([(x0, y0), (0.30, top + 0.16), (-0.04, -0.4), (-0.12, 0.1), (0.16, 0.38)]), 0.013, 0.8
        )
    elif device == "sternotomy wires":
        for i in range(6):
            jx, jy = jitter[i]
            y0 = -0.38 + 0.14 * i + jy / 3
            strokes.line(curve([(-0.035, y0), (jx / 2, y0 - 0.018), (0.035, y0 + jy / 4)], 6), 0.012, 0.9)
    elif device == "surgical clips":
        for jx, jy in jitter[: 5 + int(side)]:
            x0, y0 = side * 0.24 + 4.5 * jx, -0.06 + 4.5 * jy
            strokes.line([(x0, y0), (x0 + 0.022, y0 + 0.6 * jx)], 0.011, 1.0)
    elif device == "monitor leads":
        for i, (x0, y0) in enumerate(((-0.52, -0.52), (0.52, -0.48), (0.50, 0.42))):
            jx, jy = jitter[i]
            spot = (x0 + 2 * jx, y0 + 2 * jy)
            strokes.polygon(_ring(*spot, 0.026), 0.7)
            strokes.line(curve([spot, (0.3 * x0 + 3 * jx, 0.25 + 2 * jy), (side * 0.25, 1.1)]), 0.009, 0.55)
    elif device == "chest tube":
        path = [
            (1.1 * side, 0.30),
            (side * (half + 0.02), 0.22 + dy),
            (side * 0.45, -0.25),
            (side * 0.36, -0.5),
        ]
        for offset in (-0.011, 0.011):
            strokes.line([(x0, y0 + offset) for x0, y0 in curve(path)], 0.008, 0.75)


def _lateral(strokes: Strokes, device: str, jitter: Points) -> None:
    dx, dy = jitter[0]
    if device in ("endotracheal tube", "nasogastric tube", "central venous catheter"):
        low = {"endotracheal tube": -0.4, "nasogastric tube": 0.6, "central venous catheter": -0.1}[device]
        strokes.line(curve([(0.02, -1.0), (0.04 + dx, -0.5), (0.02 + dx, low + dy)]), 0.012, 0.7)
    elif device in ("pacemaker", "chest port"):
        x0, y0 = -0.58 + dx, -0.42 + dy
        strokes.line([(x0, y0 - 0.07), (x0 + 0.02, y0 + 0.07)], 0.035, 1.0)
        strokes.line(curve([(x0, y0), (-0.1, -0.4), (0.0, -0.1), (-0.15, 0.28)]), 0.012, 0.75)
    elif device == "sternotomy wires":
        for i in range(6):
            strokes.polygon(_ring(-0.545 + 0.01 * i + jitter[i][0] / 4, -0.40 + 0.14 * i, 0.016), 0.9)
    elif device == "surgical clips":
        for jx, jy in jitter[:5]:
            strokes.line([(4 * jx, 4 * jy), (4 * jx + 0.02, 4 * jy)], 0.011, 1.0)


def _ring(x0: float, y0: float, radius: float, n: int = 18) -> list[tuple[float, float]]:
    angles = np.linspace(0.0, 2.0 * np.pi, n, endpoint=False)
    return [(x0 + radius * float(np.cos(a)), y0 + radius * float(np.sin(a))) for a in angles]
