"""Smooth shapes, noise and strokes on a coordinate grid: what every part of a phantom is drawn with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Grid:
    """Body coordinates of the pixel centres of a square film.

    x, y: float32 (H, W); x from -1 (left edge of the film) to 1, y from -1 (top) to 1 (bottom), before
    `angle` (radians), `scale` and `shift` place the body on the film. size: H = W in pixels.
    """

    x: np.ndarray
    y: np.ndarray
    size: int
    angle: float
    scale: float
    shift: tuple[float, float]

    def to_film(self, points: Points) -> list[tuple[float, float]]:
        """Body coordinates (x, y) of points to film coordinates, from -1 to 1 over the film."""
        cos, sin = math.cos(self.angle) * self.scale, math.sin(self.angle) * self.scale
        right, down = self.shift
        return [(cos * x + sin * y + right, cos * y - sin * x + down) for x, y in points]


def make_grid(
    size: int, angle: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)
) -> Grid:
    """The grid of a film of `size` x `size` pixels on which the body is scaled, turned and shifted."""
    axis = ((np.arange(size, dtype=np.float32) + 0.5) * (2.0 / size) - 1.0).astype(np.float32)
    film_x, film_y = (axis[None, :] - shift[0]) / scale, (axis[:, None] - shift[1]) / scale
    cos, sin = np.cos(angle), np.sin(angle)
    x = (cos * film_x - sin * film_y).astype(np.float32)
    y = (sin * film_x + cos * film_y).astype(np.float32)
    return Grid(x, y, size, angle, scale, shift)


def step(distance: np.ndarray, width: float) -> np.ndarray:
    """Soft edge: 0 where `distance` < -width/2, 1 where > width/2, a cubic between; shaped as `distance`."""
    t = distance * np.float32(1.0 / width)
    t += np.float32(0.5)
    # In place, because a third of a film's time goes into this function.
    np.maximum(t, np.float32(0.0), out=t)
    np.minimum(t, np.float32(1.0), out=t)
    cubic = t * np.float32(-2.0)
    cubic += np.float32(3.0)
    cubic *= t
    cubic *= t
    return cubic


def bump(distance: np.ndarray, width: float) -> np.ndarray:
    """Soft ridge 1 / (1 + (distance / width)^2)^2: 1 at distance 0, a quarter at `width`."""
    t = distance * np.float32(1.0 / width)
    t *= t
    t += np.float32(1.0)
    t *= t
    return np.float32(1.0) / t


def blob(
    grid: Grid,
    centre: tuple[float, float],
    radius: tuple[float, float],
    angle: float = 0.0,
    edge: float = 0.5,
) -> np.ndarray:
    """Ellipse with a soft edge: float32 (H, W) in [0, 1]; `edge` is the part of the radius that fades."""
    dx, dy = grid.x - np.float32(centre[0]), grid.y - np.float32(centre[1])
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u = (cos * dx + sin * dy) * np.float32(1.0 / radius[0])
    v = (cos * dy - sin * dx) * np.float32(1.0 / radius[1])
    return step(np.float32(1.0) - np.sqrt(u * u + v * v), edge)


def profile(at: np.ndarray, knots: Sequence[tuple[float, float]], smoothing: int = 13) -> np.ndarray:
    """A rounded polyline through `knots` (position, value), read at `at`: float32, the shape of `at`.

    `smoothing`: width of the rounding in hundredths of the coordinate, odd. Outside the knots the end values.
    """
    return lookup(at, profile_line(knots, smoothing))


LINE_START, LINE_STEPS = -1.6, 321  # a profile line holds its values from -1.6 to 1.6 in hundredths


def profile_line(knots: Sequence[tuple[float, float]], smoothing: int = 13) -> np.ndarray:
    """The values of `profile` at -1.60, -1.59, ... 1.60: float64 (321,)."""
    position, value = np.asarray(knots, dtype=np.float64).T
    line = np.interp(LINE_START + 0.01 * np.arange(LINE_STEPS), position, value)
    kernel = np.hanning(smoothing + 2)[1:-1]
    padded = np.pad(line, smoothing // 2, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def lookup(at: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Read a profile line at `at`, linear between its hundredths: float32, the shape of `at`."""
    index = np.clip((at - np.float32(LINE_START)) * np.float32(100.0), 0, LINE_STEPS - 1.001)
    low = index.astype(np.int32)
    line = line.astype(np.float32)
    return np.asarray(line[low] + np.diff(line)[low] * (index - low.astype(np.float32)))


def smooth_noise(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """Noise of `cells` waves across the film: float32 (size, size), mean about 0, spread about 1.

    The draw does not depend on `size`, so one phantom looks alike at every resolution.
    """
    coarse = Image.fromarray(rng.standard_normal((cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32)


class Strokes:
    """Antialiased lines and filled shapes in film coordinates, collected and read out as one map.

    Later strokes overwrite earlier ones where they cross, as overlapping vessels or wires do on film.
    """

    def __init__(self, grid: Grid, oversample: int = 2) -> None:
        self.grid = grid
        self.oversample = oversample
        side = grid.size * oversample
        self._image = Image.new("L", (side, side), 0)
        self._draw = ImageDraw.Draw(self._image)

    def _pixels(self, points: Points, in_body: bool) -> list[tuple[float, float]]:
        film = self.grid.to_film(points) if in_body else points
        half = self._image.width / 2.0
        return [((px + 1.0) * half - 0.5, (py + 1.0) * half - 0.5) for px, py in film]

    def line(self, points: Points, width: float, value: float = 1.0, in_body: bool = True) -> None:
        """Draw a polyline; `width` in film units (2 = the film's width), `value` in [0, 1]."""
        pixels = max(1, round(width * self._image.width / 2.0))
        joint = "curve" if pixels > 2 else None
        self._draw.line(self._pixels(points, in_body), fill=round(255 * value), width=pixels, joint=joint)

    def polygon(self, points: Points, value: float = 1.0, in_body: bool = True) -> None:
        """Fill a polygon with `value` in [0, 1]."""
        self._draw.polygon(self._pixels(points, in_body), fill=round(255 * value))

    def values(self) -> np.ndarray:
        """The map so far: float32 (H, W) in [0, 1]."""
        small = self._image.reduce(self.oversample) if self.oversample > 1 else self._image
        return np.asarray(small, dtype=np.float32) * np.float32(1.0 / 255.0)


def curve(points: Points, n: int = 24) -> list[tuple[float, float]]:
    """A smooth Catmull-Rom curve through `points`, `n` samples in all: list of (x, y)."""
    knots = np.asarray(points, dtype=np.float64)
    knots = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    t = np.linspace(0.0, len(knots) - 3.0, n)
    i = np.minimum(t.astype(int), len(knots) - 4)
    f = (t - i)[:, None]
    p0, p1, p2, p3 = (knots[i + k] for k in range(4))
    out = 0.5 * (
        2 * p1 + (p2 - p0) * f + (2 * p0 - 5 * p1 + 4 * p2 - p3) * f**2 + (3 * p1 - p0 - 3 * p2 + p3) * f**3
    )
    return [(float(a), float(b)) for a, b in out]
