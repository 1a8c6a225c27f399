"""Quickshift: scikit-image's segments, pixel for pixel, in a fraction of the time and on all cores.

Vedaldi and Soatto (2008), "Quick Shift and Kernel Methods for Mode Seeking": a pixel's density is the sum of
a Gaussian of the distances, in colour and place, to the pixels around it; each pixel hangs on the nearest one
that is denser, and those whose nearest lies beyond `max_dist` are the segments' roots. scikit-image looks
through the whole window of 3 kernel sizes for each pixel, twice.

Here a pair of pixels is computed once, for both, with an exponential that the compiler vectorises, and the
search for the denser pixel goes outwards until the place alone is farther than what is found. Densities then
differ from scikit-image's by some 1e-10. Where two of them are nearer than `CLOSE`, both are summed again as
scikit-image does, bit for bit, before they are compared: so the segments are the same.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from cxrneighbors.compiled import by_thread, compiled

NOISE = 1e-5  # standard deviation of what tells equal densities apart
CLOSE = 1e-8  # densities nearer than this are compared by their exact sums
FAINT = 1e-8  # a channel that varies less in the whole picture counts in exact sums alone
ROWS = 32  # of pixels, a piece of work


def quickshift(
    picture: np.ndarray,
    ratio: float = 1.0,
    kernel_size: float = 5,
    max_dist: float = 10,
    seed: int = 42,
    device: str = "cpu",
) -> np.ndarray:
    """Segments of an RGB picture float (H, W, 3) in [0, 1]: int64 (H, W), 0..S-1 in order of their roots.

    As `skimage.segmentation.quickshift` with these arguments and `rng=seed`: `ratio` weighs colour (CIELAB)
    against place (pixels), a larger `kernel_size` (pixels, at least 1) gives fewer segments, `max_dist` cuts.
    `device`: where densities are summed ("cuda" for large pictures); the segments are the same.
    """
    from skimage.color import rgb2lab

    picture = np.asarray(picture, dtype=np.float64)
    if picture.ndim != 3 or picture.shape[2] != 3 or kernel_size < 1:
        raise ValueError(f"picture {picture.shape} must be (H, W, 3), kernel_size {kernel_size} at least 1")
    colours = np.ascontiguousarray(rgb2lab(picture) * ratio)
    height, width = picture.shape[:2]
    factor, reach = -0.5 / kernel_size**2, int(np.ceil(3 * kernel_size))
    noise = np.random.default_rng(seed).normal(scale=NOISE, size=(height, width))
    if torch.device(device).type == "cpu":
        density = _densities(colours, factor, reach) + noise
    else:
        density = _densities_on(device, colours, factor, reach) + noise
    parent, distance = np.empty((height, width), dtype=np.int64), np.empty((height, width))
    search = partial(_find_parents, colours, density, noise, factor, reach, parent, distance)
    by_thread(search, range(0, height, ROWS))
    own = np.arange(parent.size).reshape(parent.shape)
    return _segments(np.where(np.sqrt(distance) > max_dist, own, parent).ravel()).reshape(parent.shape)


def _densities(colours: np.ndarray, factor: float, reach: int) -> np.ndarray:
    """Sum of exp(factor · squared distance) over each pixel's window: float64 (H, W), to some 1e-10."""
    height, width, _ = colours.shape
    planes = _planes(colours)
    starts = range(0, height, ROWS)
    sums = np.zeros((len(starts), ROWS + reach, width))
    by_thread(lambda start: _add_pairs(planes, factor, reach, start, sums[start // ROWS]), starts)
    density = np.ones((height + ROWS + reach, width))  # exp(0), of the pixel itself
    for start, part in zip(starts, sums, strict=True):
        density[start : start + ROWS + reach] += part
    return density[:height]


def _densities_on(device: str, colours: np.ndarray, factor: float, reach: int) -> np.ndarray:
    """`_densities` by torch: all pixels at once, one shift of the picture after the other."""
    planes = torch.from_numpy(_planes(colours)).to(device)
    height, width = planes.shape[1:]
    density = torch.ones((height, width), dtype=torch.float64, device=device)
    for down in range(min(reach, height - 1) + 1):
        for right in range(1 if down == 0 else -min(reach, width - 1), min(reach, width - 1) + 1):
            here = slice(0, height - down), slice(max(0, -right), width - max(0, right))
            there = slice(down, height), slice(max(0, right), width - max(0, -right))
            squared = (planes[:, *here] - planes[:, *there]).square_().sum(0).add_(down**2 + right**2)
            added = squared.mul_(factor).exp_()
            density[here] += added
            density[there] += added
    return density.cpu().numpy()


def _planes(colours: np.ndarray) -> np.ndarray:
    """The channels that vary: float64 (C, H, W)."""
    telling = np.ptp(colours, axis=(0, 1)) > FAINT
    return np.ascontiguousarray(np.moveaxis(colours[:, :, telling], 2, 0))


def _segments(parent: np.ndarray) -> np.ndarray:
    """Number of each pixel's root, int64 (N,), from each pixel's parent; a root is its own."""
    while True:
        above = parent[parent]
        if np.array_equal(above, parent):
            break
        parent = above
    roots = parent == np.arange(len(parent))
    return np.asarray((np.cumsum(roots) - 1)[parent])


@compiled
def _add_pairs(planes: np.ndarray, factor: float, reach: int, start: int, sums: np.ndarray) -> None:
    """What pairs of a pixel of `ROWS` rows with one behind it, in reading order, add to both densities.

    planes: float64 (C, H, W); sums: (ROWS + reach, W), the first row being `start`.
    """
    channels, height, width = planes.shape
    near, buffer = factor / 256, np.empty(width)
    for row in range(start, min(start + ROWS, height)):
        for down in range(min(reach, height - 1 - row) + 1):
            for right in range(1 if down == 0 else -reach, reach + 1):
                first, count = max(0, -right), width - abs(right)
                if count <= 0:
                    continue
                place = float(down * down + right * right)
                exponent = buffer[:count]
                exponent[:] = place
                for channel in range(channels):
                    mine = planes[channel, row, first : first + count]
                    other = planes[channel, row + down, first + right : first + right + count]
                    for i in range(count):
                        step = mine[i] - other[i]
                        exponent[i] += step * step
                for i in range(count):
                    # exp(x) as exp(x / 256) ** 256, by its series; what is below exp(-40) adds nothing.
                    x = max(exponent[i] * near, -40 / 256)
                    y = 1 + x * (1 / 6)
                    y = 1 + x * (1 / 5) * y
                    y = 1 + x * (1 / 4) * y
                    y = 1 + x * (1 / 3) * y
                    y = 1 + x * (1 / 2) * y
                    y = 1 + x * y
                    y *= y
                    y *= y
                    y *= y
                    y *= y
                    y *= y
                    y *= y
                    y *= y
                    exponent[i] = y * y
                mine, other = sums[row - start], sums[row - start + down]
                for i in range(count):
                    mine[first + i] += exponent[i]
                for i in range(count):
                    other[first + right + i] += exponent[i]


@compiled
def _exact_density(colours: np.ndarray, factor: float, reach: int, row: int, column: int) -> float:
    """The sum of one pixel, in reading order."""
    height, width, channels = colours.shape
    total = 0.0
    for other_row in range(max(row - reach, 0), min(row + reach + 1, height)):
        for other_column in range(max(column - reach, 0), min(column + reach + 1, width)):
            squared = 0.0
            for channel in range(channels):
                step = colours[row, column, channel] - colours[other_row, other_column, channel]
                squared += step * step
            squared += (row - other_row) ** 2
            squared += (column - other_column) ** 2
            total += np.exp(squared * factor)
    return total


@compiled
def _find_parents(
    colours: np.ndarray,
    density: np.ndarray,
    noise: np.ndarray,
    factor: float,
    reach: int,
    parent: np.ndarray,
    distance: np.ndarray,
    start: int,
) -> None:
    """`_nearest_denser` of each pixel of `ROWS` rows, into `parent` and `distance` (H, W)."""
    height, width = density.shape
    for row in range(start, min(start + ROWS, height)):
        for column in range(width):
            found, squared = _nearest_denser(colours, density, noise, factor, reach, row, column)
            parent[row, column], distance[row, column] = found, squared


@compiled
def _nearest_denser(
    colours: np.ndarray,
    density: np.ndarray,
    noise: np.ndarray,
    factor: float,
    reach: int,
    row: int,
    column: int,
) -> tuple[int, float]:
    """The nearest denser pixel of one, the first in reading order of equally near ones, and its squared
    distance: infinite, and the pixel itself, where the window has none."""
    height, width, channels = colours.shape
    closest, found = np.inf, row * width + column
    for down in range(reach + 1):
        if down * down > closest:
            break
        for other_row in (row - down, row + down):
            if other_row < 0 or other_row >= height:
                continue
            for right in range(reach + 1):
                if down * down + right * right > closest:
                    break
                for other_column in (column - right, column + right):
                    if other_column < 0 or other_column >= width or down == right == 0:
                        continue
                    more = density[other_row, other_column] - density[row, column]
                    if abs(more) < CLOSE:
                        more = _exact_density(colours, factor, reach, other_row, other_column)
                        more += noise[other_row, other_column]
                        more -= _exact_density(colours, factor, reach, row, column) + noise[row, column]
                    if not more > 0:
                        continue
                    squared = 0.0
                    for channel in range(channels):
                        step = colours[row, column, channel] - colours[other_row, other_column, channel]
                        squared += step * step
                    squared += down * down
                    squared += right * right
                    place = other_row * width + other_column
                    if squared < closest or (squared == closest and place < found):
                        closest, found = squared, place
    return found, closest
