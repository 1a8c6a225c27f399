"""One frame for all films: each cut out and scaled so that its lungs fill the same place."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cxrneighbors.lungs.masks import believable, usual_lungs
from cxrneighbors.lungs.segmenter import LungSegmenter

MARGIN = 0.08  # of the lungs' own extent, added on each side
TAIL = 0.005  # share of the lungs' area that may lie beyond each edge: a stray strip moves no edge
_CHUNK = 256  # films framed at a time


def lung_box(lungs: np.ndarray, margin: float = MARGIN, tail: float = TAIL) -> np.ndarray:
    """The box around lungs bool (2, H, W): left, top, right, bottom in fractions of the film, float32 (4,).

    `margin`: share of the box's own width and height added on each side, so that it may reach beyond the
    film. `tail`: share of the lungs' area left outside at each edge. Where the lungs are not believable
    (`masks.believable`) it is the box of the usual place.
    """
    if not believable(lungs):
        lungs = usual_lungs(lungs.shape[1:])
    both = lungs.any(0)
    edges = np.stack([_extent(both.sum(axis), tail) for axis in (0, 1)], axis=1)  # (low, high) x (x, y)
    extra = margin * (edges[1] - edges[0])
    return np.concatenate([edges[0] - extra, edges[1] + extra]).astype(np.float32)


def framed(images: Tensor, boxes: Tensor, size: int, keep_aspect: bool = False) -> Tensor:
    """What lies in each film's box, scaled to a square: float (N, C, H, W) -> float (N, C, size, size).

    `boxes`: float (N, 4) as from `lung_box`. A box that is not square is stretched; with `keep_aspect` its
    shorter side is widened first. Beyond the film it is black. Large films are averaged over areas first.
    """
    height, width = images.shape[-2:]
    centre, extent = (boxes[:, 2:] + boxes[:, :2]) / 2, boxes[:, 2:] - boxes[:, :2]
    pixels = extent * extent.new_tensor([width, height])
    if keep_aspect:
        extent = extent * pixels.amax(1, keepdim=True) / pixels
    factor = int(pixels.amin() / size) if len(boxes) else 1
    if factor > 1:
        images = F.interpolate(images, size=(height // factor, width // factor), mode="area")
    theta = boxes.new_zeros(len(boxes), 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = extent.T
    theta[:, :, 2] = 2 * centre - 1  # grid coordinates run from -1 to 1
    grid = F.affine_grid(theta, [len(boxes), images.shape[1], size, size], align_corners=False)
    return F.grid_sample(images, grid.to(images), padding_mode="zeros", align_corners=False)


def lung_frames(
    images: np.ndarray, segmenter: LungSegmenter, size: int, keep_aspect: bool = False
) -> np.ndarray:
    """Films float32 (N, 1, H, W) in [0, 1] to their lungs' boxes: float32 (N, 1, size, size) in [0, 1]."""
    frames = np.empty((len(images), 1, size, size), dtype=np.float32)
    for start in range(0, len(images), _CHUNK):
        chunk = np.ascontiguousarray(images[start : start + _CHUNK], dtype=np.float32)
        boxes = torch.from_numpy(np.stack([lung_box(lungs) for lungs in segmenter.masks(chunk)]))
        films = torch.from_numpy(chunk).to(segmenter.device)
        frame = framed(films, boxes.to(segmenter.device), size, keep_aspect)
        frames[start : start + _CHUNK] = frame.clamp(0, 1).cpu().numpy()
    return frames


def _extent(counts: np.ndarray, tail: float) -> np.ndarray:
    """Where all but `tail` of the counts at either end lies, as fractions of their number: float (2,)."""
    passed = np.cumsum(counts) / counts.sum()
    low, high = np.searchsorted(passed, tail, side="right"), np.searchsorted(passed, 1 - tail, side="left")
    return np.array([low, high + 1]) / len(counts)
