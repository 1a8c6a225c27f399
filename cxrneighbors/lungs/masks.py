"""Lung masks: their two sides, their usual place, when one can be believed, and what stands in for it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

SIDES = ("right", "left")  # the patient's; the right lung is on the film's left
# Usual lungs as ellipses in fractions of the film: centre x, centre y, half width, half height.
USUAL = {"right": (0.29, 0.46, 0.16, 0.31), "left": (0.71, 0.46, 0.16, 0.31)}
_AREA = (0.03, 0.26)  # believable lung: share of the film
_OVERLAP = 0.3  # least Dice overlap of a believable lung with its usual place


def usual_lungs(shape: tuple[int, int]) -> np.ndarray:
    """Where lungs usually lie on a frontal film: bool (2, H, W), right and left lung."""
    return np.stack([ellipse(shape, *USUAL[side]) for side in SIDES])


def ellipse(shape: tuple[int, int], x: float, y: float, a: float, b: float) -> np.ndarray:
    """An ellipse by centre and half axes in fractions of the sides: bool (H, W)."""
    rows, columns = ((np.arange(length) + 0.5) / length for length in shape)
    return np.asarray(((columns - x) / a) ** 2 + ((rows[:, None] - y) / b) ** 2 <= 1)


def dice(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Dice overlap 2 |a ∩ b| / (|a| + |b|) of bool (..., H, W): float (...); two empty masks score 1."""
    total = a.sum((-2, -1)) + b.sum((-2, -1))
    return np.where(total == 0, 1.0, 2 * (a & b).sum((-2, -1)) / np.maximum(total, 1))


def sides(mask: np.ndarray) -> np.ndarray:
    """Both lungs in one mask bool (H, W) to right and left: bool (2, H, W).

    Of the two largest parts that do not touch, the one nearer the film's left is the right lung; further
    parts go with the nearer of the two. Fewer than two parts give no left lung.
    """
    labels, count = ndimage.label(mask)
    lungs = np.zeros((2, *mask.shape), dtype=bool)
    if not count:
        return lungs
    numbers = np.arange(1, count + 1)
    areas = ndimage.sum_labels(mask, labels, numbers)
    centres = np.array(ndimage.center_of_mass(mask, labels, numbers))[:, 1]
    largest = np.argsort(-areas, kind="stable")[:2]
    ordered = largest[np.argsort(centres[largest], kind="stable")]
    nearest = np.abs(centres[:, None] - centres[ordered]).argmin(1)
    for side in range(len(ordered)):
        lungs[side] = np.isin(labels, numbers[nearest == side])
    return lungs


def largest_part(mask: np.ndarray) -> np.ndarray:
    """The largest part of bool (H, W) that hangs together by edges, its holes filled."""
    labels, count = ndimage.label(mask)
    if count > 1:
        mask = labels == 1 + np.bincount(labels.ravel())[1:].argmax()
    return np.asarray(ndimage.binary_fill_holes(mask))


def believable_sides(lungs: np.ndarray) -> np.ndarray:
    """Which lungs of bool (..., 2, H, W) look like one: bool (..., 2), of right and left.

    A lung covers 3 to 26 % of the film and overlaps its usual place (Dice of 0.3 or more). Two such of which
    the right one's centre is not to the left of the other's on the film are both not believable.
    """
    flat = lungs.reshape(-1, *lungs.shape[-3:])
    shares = flat.mean((-2, -1))
    fits = (shares >= _AREA[0]) & (shares <= _AREA[1])
    fits &= dice(flat, usual_lungs(flat.shape[-2:])) >= _OVERLAP
    columns = (np.arange(flat.shape[-1]) + 0.5) / flat.shape[-1]
    centres = (flat.mean(-2) * columns).sum(-1) / np.maximum(flat.mean(-2).sum(-1), 1e-9)
    fits[fits.all(1) & (centres[:, 0] >= centres[:, 1])] = False
    return np.asarray(fits.reshape(lungs.shape[:-2]))


def believable(lungs: np.ndarray) -> np.ndarray:
    """Whether both lungs of bool (..., 2, H, W) are believable, see `believable_sides`: bool (...)."""
    return np.asarray(believable_sides(lungs).all(-1))


def completed(lungs: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Lungs bool (2, H, W) of which bool (2,) are `known`: an unknown one is the mirror image of the other.

    With none known both are where lungs usually lie. What a mirror image has beyond the middle between the
    lungs is cut off.
    """
    if known.all():
        return lungs
    if not known.any():
        return usual_lungs(lungs.shape[1:])
    one = lungs[0] if known[0] else lungs[1, :, ::-1]
    right, left = (one, one[:, ::-1]) if known[0] else (one, lungs[1])
    middle = (np.flatnonzero(right.any(0))[-1] + np.flatnonzero(left.any(0))[0]) / 2
    columns = np.arange(lungs.shape[2])
    return np.stack([right & (columns < middle), left & (columns > middle)])
