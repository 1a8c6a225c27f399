"""From density to a published PNG's pixels: exposure, scatter, noise, marker letters and collimation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from cxrneighbors.phantom.fields import Grid, Strokes


@dataclass(frozen=True)
class FilmSettings:
    """How one film was taken: placing of the body, exposure, noise, marker and collimation."""

    angle: float
    scale: float
    shift: tuple[float, float]
    gain: float
    contrast: float
    noise: float
    blur: float
    tilt: float  # brighter to one side, from a grid cut-off
    marker: tuple[float, float]  # film coordinates of the letter
    letter: str
    margins: tuple[float, float, float, float]  # collimated: top, bottom, left, right, in film widths
    seed: int


def sample_film(rng: np.random.Generator, view: str) -> FilmSettings:
    """Draw the settings of a film; bedside films are more askew, flatter and noisier."""
    ap = view == "AP"
    margins = tuple(float(m) for m in np.where(rng.random(4) < 0.2, rng.uniform(0.0, 0.022, 4), 0.0))
    left = rng.random() < 0.5
    return FilmSettings(
        angle=float(rng.normal(0.0, 0.025 if ap else 0.010)),
        scale=float(rng.normal(1.0 if ap else 0.985, 0.014)),
        shift=(float(rng.normal(0.0, 0.009)), float(rng.normal(0.0, 0.011))),
        gain=float(rng.normal(0.0, 0.022)),
        contrast=float(rng.normal(4.4 if ap else 4.9, 0.25)),
        noise=float(rng.uniform(0.004, 0.012) * (1.5 if ap else 1.0)),
        blur=float(rng.uniform(0.1, 0.5) + (0.25 if ap else 0.0)),
        tilt=float(rng.normal(0.0, 0.012)),
        marker=(float(rng.uniform(0.78, 0.9)) * (1.0 if left else -1.0), float(rng.uniform(-0.93, -0.72))),
        letter="L" if left else "R",
        margins=(margins[0], margins[1], margins[2], margins[3]),
        seed=int(rng.integers(2**31)),
    )


def expose(density: np.ndarray, grid: Grid, settings: FilmSettings) -> np.ndarray:
    """Turn density float32 (H, W) into pixels uint8 (H, W), bright where the body is dense (MONOCHROME2)."""
    rng = np.random.default_rng(settings.seed)
    size = grid.size
    density = density + np.float32(settings.gain) + np.float32(settings.tilt) * grid.x
    tone = 1.0 / (1.0 + np.exp(np.float32(-settings.contrast) * (density - np.float32(0.50))))
    grain = np.float32(settings.noise) * rng.standard_normal((size, size), dtype=np.float32)
    shine = (_marker(grid, settings) * np.float32(0.95)) if settings.letter else 0.0
    tone = np.maximum(_blur(tone, settings.blur * size / 224.0) * np.float32(1.02) - np.float32(0.035), shine)
    tone = tone + grain * (np.float32(0.4) + tone)
    pixels: np.ndarray = np.clip(tone * np.float32(255.0), 0.0, 255.0).astype(np.uint8)
    rows, columns = field_window(settings, size)
    framed = np.full_like(pixels, 3)
    framed[rows, columns] = pixels[rows, columns]
    return framed


def field_window(settings: FilmSettings, size: int) -> tuple[slice, slice]:
    """Rows and columns of a film of `size` pixels that the collimator leaves open."""
    top, bottom, left, right = (round(margin * size) for margin in settings.margins)
    return slice(top, size - bottom), slice(left, size - right)


def _blur(tone: np.ndarray, radius: float) -> np.ndarray:
    if radius < 0.15:
        return tone
    image = Image.fromarray(np.clip(tone * 255.0, 0, 255).astype(np.uint8))
    blurred = image.filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(blurred, dtype=np.float32) * np.float32(1.0 / 255.0)


def _marker(grid: Grid, settings: FilmSettings) -> np.ndarray:
    """The side letter that a technologist lays on the cassette, as lines."""
    strokes = Strokes(grid)
    cx, cy = settings.marker
    h, w = 0.045, 0.024
    lines = [[(cx - w, cy - h), (cx - w, cy + h)]]
    if settings.letter == "L":
        lines.append([(cx - w, cy + h), (cx + w, cy + h)])
    else:
        bow = [(cx - w, cy - h), (cx + 0.5 * w, cy - h), (cx + w, cy - 0.5 * h), (cx + 0.5 * w, cy)]
        lines += [[*bow, (cx - w, cy)], [(cx - 0.1 * w, cy), (cx + w, cy + h)]]
    for points in lines:
        strokes.line(points, 0.014, in_body=False)
    return strokes.values()
