"""Does a network look at the lungs at all? Its accuracy on images with the lungs masked out.

COVID-19 and pneumonia show in the lungs; a network that still tells the classes apart without them reads
something else: markers, borders, exposure, in short the source of an image (DeGrave et al. 2021).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

MARGIN = 0.04  # of the image's side, added around the lungs


def mask_lungs(images: np.ndarray, lungs: np.ndarray, keep: str = "outside") -> np.ndarray:
    """Mask the box around the lungs (`keep='outside'`) or all but the box (`keep='lungs'`).

    `images` float32 (N, 1, H, W) in [0, 1], `lungs` bool (N, 2, H, W); returns a copy. A box, not the lungs'
    outline: the outline alone would still show an effusion or a large heart. What is masked takes the mean of
    what is kept, so that the exposure of the whole stays what it was.
    """
    if keep not in ("outside", "lungs"):
        raise ValueError(f"keep must be 'outside' or 'lungs', got {keep!r}")
    masked = np.array(images, dtype=np.float32)
    for image, found in zip(masked, lungs, strict=True):
        hidden = np.zeros(image.shape[-2:], dtype=bool)
        hidden[_around(found.any(0))] = True
        if keep == "lungs":
            hidden = ~hidden
        kept = image[:, ~hidden]
        image[:, hidden] = kept.mean() if kept.size else 0.5
    return masked


def shortcut_check(
    predict: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    assess: Callable[[np.ndarray], dict[str, Any]],
    lungs: np.ndarray,
) -> dict[str, Any]:
    """Score the same network on whole images, without the lungs, and with nothing but the lungs' box.

    `predict`: images float32 (N, 1, H, W) to probabilities (N, C). `assess`: probabilities to a dict of
    figures, such as `assess.assess` with the rest of its arguments filled. `lungs`: bool (N, 2, H, W), right
    and left lung of each image, by `lungs.LungSegmenter` or `lungs.find_lungs`. Returns such a dict for each
    of 'whole', 'lungs masked', 'lungs only', and 'agreement': the share of images whose predicted class stays
    the same without the lungs.
    """
    whole = predict(images)
    outside = predict(mask_lungs(images, lungs, "outside"))
    inside = predict(mask_lungs(images, lungs, "lungs"))
    return {
        "whole": assess(whole),
        "lungs masked": assess(outside),
        "lungs only": assess(inside),
        "agreement": float((whole.argmax(1) == outside.argmax(1)).mean()),
    }


def _around(lungs: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the box around bool (H, W), widened by `MARGIN` of the sides."""
    if not lungs.any():
        raise ValueError("lungs: an image has none; take masks that always hold a guess")
    slices = []
    for axis, size in ((1, lungs.shape[0]), (0, lungs.shape[1])):
        places, extra = np.flatnonzero(lungs.any(axis=axis)), round(MARGIN * size)
        slices.append(slice(max(0, int(places[0]) - extra), min(size, int(places[-1]) + 1 + extra)))
    return slices[0], slices[1]
