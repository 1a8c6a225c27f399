"""Segments (superpixels): the parts of a film that are masked, and whose weights an explanation gives."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.quickshift import quickshift
from cxrneighbors.files import atomic_path
from cxrneighbors.lungs.regions import REGIONS, lung_regions
from cxrneighbors.lungs.rule import find_lungs
from cxrneighbors.lungs.segmenter import LungSegmenter
from cxrneighbors.progress import say

Segmentation = str | Callable[[np.ndarray], np.ndarray]

# Arguments of the functions of the same name in skimage.segmentation (for quickshift our own, which gives the
# same segments). quickshift's are those of the `lime` package; the others give about as many segments on a
# film (20 to 45).
OPTIONS: dict[str, dict[str, Any]] = {
    "quickshift": {"kernel_size": 4, "max_dist": 200, "ratio": 0.2},
    "slic": {"n_segments": 50, "compactness": 0.1, "start_label": 0},
    "felzenszwalb": {"scale": 60, "sigma": 1.0, "min_size": 250},
}
SEGMENTATIONS = (*OPTIONS, "lungs")
FEW = 3  # segments with which an explanation is warned of


def segment(
    film: np.ndarray, segmentation: Segmentation = "quickshift", lungs: LungSegmenter | None = None
) -> np.ndarray:
    """Cut a film float32 (C, H, W) in [0, 1] into segments: int32 (H, W) in 0..S-1, each present.

    `segmentation`: 'quickshift' (as in LIME), 'slic', 'felzenszwalb' (scikit-image; deterministic), 'lungs'
    (see `lungs.lung_regions`), or a function from a film to labels (H, W). The sizes that felzenszwalb takes
    in pixels are for 224 x 224 and grow with the area. `lungs`: what finds the lungs, None for the rule.

    Raises `UserError` for an unknown name, labels of another shape, or fewer than two segments.
    """
    name = segmentation if isinstance(segmentation, str) else getattr(segmentation, "__name__", "function")
    if isinstance(segmentation, str):
        choose("segmentation", segmentation, SEGMENTATIONS)
        labels = _regions(film, lungs) if name == "lungs" else _superpixels(film, name)
    else:
        labels = np.asarray(segmentation(film))
    if labels.shape != film.shape[1:]:
        raise UserError(
            f"segmentation {name!r}: labels of shape {labels.shape} for a film of {film.shape[1:]}; "
            "return one label for each pixel"
        )
    labels = np.asarray(np.unique(labels, return_inverse=True)[1], dtype=np.int32).reshape(labels.shape)
    if labels.max() == 0:
        others = ", ".join(other for other in SEGMENTATIONS if other != name)
        raise UserError(
            f"segmentation {name!r}: one segment covers the whole film, so there is nothing to compare; "
            f"use another film or one of: {others}"
        )
    return labels


def segment_names(segmentation: Segmentation, n_segments: int) -> list[str]:
    """What segments are called: the regions of 'lungs', else 'segment 0', 'segment 1', ..."""
    if segmentation == "lungs" and n_segments == len(REGIONS):
        return list(REGIONS)
    return [f"segment {number}" for number in range(n_segments)]


def segment_means(values: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Mean of `values` (H, W) over each segment of int (H, W) in 0..S-1: float64 (S,)."""
    labels = segments.ravel()
    return np.bincount(labels, weights=values.ravel()) / np.maximum(np.bincount(labels), 1)


class SegmentCache:
    """Label maps kept by the film's bytes and the segmentation: in memory, and in `folder` when one is given.

    Share one between methods, so that a film is cut once, and between threads. Functions are kept in memory
    only. `lungs`: see `segment`.
    """

    def __init__(
        self, folder: str | Path | None = None, capacity: int = 256, lungs: LungSegmenter | None = None
    ) -> None:
        self.folder = Path(folder) if folder is not None else None
        self.capacity = capacity
        self.lungs = lungs
        self._maps: dict[tuple[str, Segmentation], np.ndarray] = {}

    @property
    def lung_finder(self) -> str:
        """What finds the lungs: 'rule', or the hash of the segmenter's weights."""
        return "rule" if self.lungs is None else self.lungs.weights_hash()

    def __call__(self, film: np.ndarray, segmentation: Segmentation) -> np.ndarray:
        """As `segment`, computed at most once for a film; the result is read-only."""
        film = np.ascontiguousarray(film, dtype=np.float32)
        digest = hashlib.sha256(f"{film.shape}".encode() + film.tobytes()).hexdigest()
        key = (digest, segmentation)
        labels = self._maps.get(key)
        if labels is None:
            labels = self._labels(film, segmentation, digest)
            labels.setflags(write=False)
            _warn_of_few(labels, segmentation)
            self._maps[key] = labels
            for oldest in list(self._maps)[: -self.capacity]:
                self._maps.pop(oldest, None)
        return labels

    def clear(self) -> None:
        """Forget what is kept in memory."""
        self._maps.clear()

    def _labels(self, film: np.ndarray, segmentation: Segmentation, digest: str) -> np.ndarray:
        if self.folder is None or not isinstance(segmentation, str):
            return segment(film, segmentation, self.lungs)
        settings = f"{segmentation}-{sorted(OPTIONS.get(segmentation, {}).items())}"
        if segmentation == "lungs" and self.lungs is not None:
            settings += self.lungs.weights_hash()
        name = hashlib.sha256(settings.encode()).hexdigest()[:12]
        path = self.folder / f"{segmentation}-{name}-{digest}.npy"
        if not path.is_file():
            with atomic_path(path) as temporary:
                np.save(temporary, segment(film, segmentation, self.lungs))
        return np.asarray(np.load(path, allow_pickle=False))


def _warn_of_few(labels: np.ndarray, segmentation: Segmentation) -> None:
    """Say when a film falls into so few segments that weights hardly tell one place from another."""
    n = int(labels.max()) + 1
    if n <= FEW:
        share = np.bincount(labels.ravel()).max() / labels.size
        name = segmentation if isinstance(segmentation, str) else "given"
        others = ", ".join(other for other in SEGMENTATIONS if other != segmentation)
        say(
            f"warning: segmentation {name!r} cuts the film into {n} segments, the largest {share:.0%} of it: "
            f"weights of so few hardly say where the evidence lies; others may cut finer: {others}"
        )


def _regions(film: np.ndarray, lungs: LungSegmenter | None) -> np.ndarray:
    picture = film.mean(axis=0)
    return lung_regions(find_lungs(picture) if lungs is None else lungs.find_lungs(picture))


def _superpixels(film: np.ndarray, name: str) -> np.ndarray:
    import skimage.segmentation

    options = dict(OPTIONS[name])
    if name == "felzenszwalb":
        area = film.shape[1] * film.shape[2] / 224**2
        options.update(scale=options["scale"] * area, min_size=max(1, round(options["min_size"] * area)))
    if name == "slic":
        picture, options["channel_axis"] = film.mean(axis=0), None
    else:
        picture = np.moveaxis(film if len(film) == 3 else np.repeat(film[:1], 3, axis=0), 0, -1)
        if name == "quickshift":
            return quickshift(picture, **options)
    labels: np.ndarray = getattr(skimage.segmentation, name)(picture.astype(np.float64), **options)
    return labels
