"""One frame for all films: each bent so that either lung fills the same place in it.

A film's lungs say where they begin and end, each by four edges. Across, the frame runs through these edges
piece by piece (right lung, mediastinum, left lung); down, it runs from top to bottom of either lung, with a
smooth passage between them. So lungs of any width and height, also where one is smaller or stands higher,
come to lie on each other, and vectors that compare place by place compare the same anatomy.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cxrneighbors.lungs.masks import believable, usual_lungs
from cxrneighbors.lungs.segmenter import LungSegmenter

MARGIN = 0.03  # of the frame, left around the lungs
MEDIASTINUM = (0.44, 0.56)  # where in the frame the lungs' inner edges come to lie
PASSAGE = (0.4, 0.6)  # between these columns the right lung's top and bottom pass into the left one's
TAIL = 0.01  # share of a lung's area that may lie beyond each of its edges: a stray strip moves no edge
APART = 0.02  # least width of the mediastinum, of the film
_CHUNK = 256  # films framed at a time


def lung_edges(lungs: np.ndarray, tail: float = TAIL) -> np.ndarray:
    """Left, top, right and bottom of each lung of bool (2, H, W): float32 (2, 4), fractions of the film.

    `tail`: share of a lung's area left outside at each edge. Where the lungs are not believable
    (`masks.believable`) they are those of the usual place. Lungs that overlap across are cut apart.
    """
    if not believable(lungs):
        lungs = usual_lungs(lungs.shape[1:])
    edges = np.stack([np.stack([_extent(lung.sum(axis), tail) for axis in (0, 1)], 1) for lung in lungs])
    found: np.ndarray = edges.reshape(2, 4).astype(np.float32)
    if found[0, 2] > found[1, 0] - APART:
        middle = (found[0, 2] + found[1, 0]) / 2
        found[0, 2], found[1, 0] = middle - APART / 2, middle + APART / 2
    return found


def registered(images: Tensor, edges: Tensor, size: int) -> Tensor:
    """Films bent to the common frame: float (N, C, H, W) -> float (N, C, size, size).

    `edges`: float (N, 2, 4) as from `lung_edges`. Beyond the film its border goes on. Large films are
    averaged over areas first.
    """
    height, width = images.shape[-2:]
    factor = min(height, width) // (2 * size)
    if factor > 1:
        images = F.interpolate(images, size=(height // factor, width // factor), mode="area")
    fine = (torch.arange(2 * size, device=images.device, dtype=images.dtype) + 0.5) / (2 * size)
    x, y = _across(fine, edges.to(images)), _down(fine, edges.to(images))
    grid = torch.stack([x[:, None, :].expand_as(y), y], dim=3) * 2 - 1  # grid coordinates run from -1 to 1
    return F.avg_pool2d(F.grid_sample(images, grid, padding_mode="border", align_corners=False), 2)


def lung_frames(images: np.ndarray, segmenter: LungSegmenter, size: int) -> np.ndarray:
    """Films float32 (N, 1, H, W) in [0, 1] in the common frame: float32 (N, 1, size, size) in [0, 1]."""
    frames = np.empty((len(images), 1, size, size), dtype=np.float32)
    for start in range(0, len(images), _CHUNK):
        chunk = np.ascontiguousarray(images[start : start + _CHUNK], dtype=np.float32)
        edges = torch.from_numpy(np.stack([lung_edges(lungs) for lungs in segmenter.masks(chunk)]))
        frame = registered(torch.from_numpy(chunk).to(segmenter.device), edges, size)
        frames[start : start + _CHUNK] = frame.clamp(0, 1).cpu().numpy()
    return frames


def _across(t: Tensor, edges: Tensor) -> Tensor:
    """Column of the film, in fractions, at columns `t` (S,) of the frame: (N, S)."""
    knots = t.new_tensor([MARGIN, *MEDIASTINUM, 1 - MARGIN])
    values = torch.stack([edges[:, 0, 0], edges[:, 0, 2], edges[:, 1, 0], edges[:, 1, 2]], dim=1)
    piece = (torch.searchsorted(knots, t) - 1).clamp(0, 2)  # beyond the outer edges the lungs' scale goes on
    slope = (values[:, 1:] - values[:, :-1]) / (knots[1:] - knots[:-1])
    return values[:, piece] + (t - knots[piece]) * slope[:, piece]


def _down(t: Tensor, edges: Tensor) -> Tensor:
    """Row of the film, in fractions, at rows and columns `t` (S,) of the frame: (N, S, S)."""
    left = ((t - PASSAGE[0]) / (PASSAGE[1] - PASSAGE[0])).clamp(0, 1)
    top, bottom = (torch.lerp(edges[:, 0, side, None], edges[:, 1, side, None], left) for side in (1, 3))
    share = (t[:, None] - MARGIN) / (1 - 2 * MARGIN)
    return top[:, None, :] + share * (bottom - top)[:, None, :]


def _extent(counts: np.ndarray, tail: float) -> np.ndarray:
    """Where all but `tail` of the counts at either end lies, as fractions of their number: float (2,)."""
    passed = np.cumsum(counts) / counts.sum()
    low, high = np.searchsorted(passed, tail, side="right"), np.searchsorted(passed, 1 - tail, side="left")
    return np.array([low, high + 1]) / len(counts)
