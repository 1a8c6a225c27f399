"""Random changes that make a few hundred films of two hospitals look like those of many machines.

Films and their masks are moved together. What is laid over a film (opaque lung, devices, markers, borders)
leaves its mask as it is, for the lung is still there; only what a border covers is no lung any more.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

ROTATION = 12.0  # degrees
SCALE = 1.35  # factor, either way
STRETCH = 1.15  # of one side against the other
SHIFT = 0.12  # of the film's side
GAMMA = 2.0  # exponent, either way
NOISE = 0.04  # of the grey scale


def augment(batch: Tensor, rng: np.random.Generator) -> Tensor:
    """Change each film at random: float (N, 3, S, S) in [0, 1], film, right and left lung -> same.

    Rotation, scale, stretch and shift; mirrored in half of the cases, so that the sides change places; opaque
    areas, gamma, uneven brightness, blur and noise, lines, markers and borders.
    """
    batch = _mirrored(_moved(batch, rng), rng)
    films, lungs = batch[:, :1], batch[:, 1:]
    films = _with_opacities(films, lungs, rng)
    films = _exposed(films, rng)
    films = _with_devices(films, rng)
    open_field = _open_field(films, rng)
    outside = _numbers(np.where(rng.random(len(films)) < 0.8, 0.0, 1.0), films)
    films = torch.where(open_field > 0, films, outside)
    return torch.cat([films.clamp(0, 1), lungs * open_field], dim=1)


def _moved(batch: Tensor, rng: np.random.Generator) -> Tensor:
    n = len(batch)
    angle = np.deg2rad(rng.uniform(-ROTATION, ROTATION, n))
    scale = np.exp(rng.uniform(-1, 1, n) * np.log(SCALE))
    stretch = np.exp(rng.uniform(-0.5, 0.5, n) * np.log(STRETCH))
    theta = np.empty((n, 2, 3), dtype=np.float32)
    theta[:, 0, 0], theta[:, 0, 1] = scale * stretch * np.cos(angle), -scale * stretch * np.sin(angle)
    theta[:, 1, 0], theta[:, 1, 1] = scale / stretch * np.sin(angle), scale / stretch * np.cos(angle)
    theta[:, :, 2] = rng.uniform(-2 * SHIFT, 2 * SHIFT, (n, 2))  # grid coordinates span 2
    grid = F.affine_grid(torch.from_numpy(theta).to(batch), list(batch.shape), align_corners=False)
    return F.grid_sample(batch, grid, padding_mode="zeros", align_corners=False)


def _mirrored(batch: Tensor, rng: np.random.Generator) -> Tensor:
    chosen = torch.from_numpy(rng.random(len(batch)) < 0.5).to(batch.device).view(-1, 1, 1, 1)
    return torch.where(chosen, batch[:, [0, 2, 1]].flip(-1), batch)


def _with_opacities(films: Tensor, lungs: Tensor, rng: np.random.Generator) -> Tensor:
    """Soft areas in which a lung is as white as what lies around it: consolidation, effusion, white lung."""
    n = len(films)
    density = _numbers(rng.uniform(0.3, 1.0, n) * (rng.random(n) < 0.4), films)
    places = _smooth_field(n, films, rng, cells=int(rng.integers(3, 8)))
    opaque = ((places - _numbers(rng.uniform(-0.5, 1.0, n), films)) * 4).sigmoid()
    inside = lungs.amax(1, keepdim=True)
    tissue = 1 - inside
    white = (films * tissue).sum((2, 3), keepdim=True) / tissue.sum((2, 3), keepdim=True).clamp(min=1)
    return films + (density * opaque * inside) * (white.clamp(min=0.5) - films).clamp(min=0)


def _exposed(films: Tensor, rng: np.random.Generator) -> Tensor:
    n = len(films)
    gamma = _numbers(np.exp(rng.uniform(-1, 1, n) * np.log(GAMMA)), films)
    uneven = 0.12 * _numbers(rng.random(n), films) * _smooth_field(n, films, rng, cells=3)
    films = films.clamp(1e-4, 1) ** gamma + uneven
    blurred = F.avg_pool2d(F.pad(films, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    films = films + _numbers(rng.uniform(-0.7, 1.0, n), films) * (blurred - films)  # below 0 it sharpens
    grain = torch.from_numpy(rng.standard_normal(tuple(films.shape), dtype=np.float32)).to(films)
    return films + _numbers(rng.uniform(0, NOISE, n), films) * grain


def _with_devices(films: Tensor, rng: np.random.Generator) -> Tensor:
    """Up to three bright lines (tubes, wires) and up to three boxes (markers, pacemakers) on each film."""
    n, side = len(films), films.shape[-1]
    y, x = torch.meshgrid(*[torch.linspace(0, 1, side, device=films.device)] * 2, indexing="ij")
    drawn = torch.zeros_like(films)
    for _ in range(3):
        ends = ((0.0, np.pi), (-0.4, 0.4), (-1.0, 1.0))
        angle, offset, bend = (_numbers(rng.uniform(low, high, n), films) for low, high in ends)
        along = (x - 0.5) * angle.cos() + (y - 0.5) * angle.sin()
        across = (y - 0.5) * angle.cos() - (x - 0.5) * angle.sin() - offset - bend * along**2
        there = _numbers(rng.random(n) < 0.25, films)
        drawn = torch.maximum(drawn, there * (across.abs() * side < 0.8))
        left, top, width, height = (_numbers(rng.uniform(0, end, n), films) for end in (1, 1, 0.15, 0.1))
        there = _numbers(rng.random(n) < 0.25, films)
        box = (x >= left) & (x < left + width) & (y >= top) & (y < top + height)
        drawn = torch.maximum(drawn, there * box)
    strength = drawn * _numbers(rng.uniform(0.2, 1.0, n), films)
    return films + strength * (1 - films)


def _open_field(films: Tensor, rng: np.random.Generator) -> Tensor:
    """What collimation leaves open: float (N, 1, S, S) of 0 and 1."""
    n, side = len(films), films.shape[-1]
    place = (torch.arange(side, device=films.device) + 0.5) / side
    top, bottom, left, right = (
        _numbers(rng.uniform(0, 0.12, n) * (rng.random(n) < 0.2), films) for _ in range(4)
    )
    rows = (place >= top) & (place <= 1 - bottom)
    columns = (place >= left) & (place <= 1 - right)
    return (rows.transpose(-1, -2) & columns).to(films)


def _smooth_field(n: int, like: Tensor, rng: np.random.Generator, cells: int) -> Tensor:
    """Smooth random numbers of mean 0 and deviation about 1: float (N, 1, S, S)."""
    coarse = torch.from_numpy(rng.standard_normal((n, 1, cells, cells), dtype=np.float32)).to(like)
    return F.interpolate(coarse, size=like.shape[-2:], mode="bicubic", align_corners=True)


def _numbers(values: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(np.asarray(values)).to(like).view(-1, 1, 1, 1)
