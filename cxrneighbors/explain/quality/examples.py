"""Films that the page of a benchmark shows: the first targets, each with every method's map on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cxrneighbors.explain.page import outlined
from cxrneighbors.explain.quality.benchmark import Benchmark
from cxrneighbors.explain.quality.targets import Target
from cxrneighbors.explain.sheet import heat_over

SHOWN = 3
PIXELS = 224  # a side, at least
RULE = (
    "The first targets, which are drawn with the seed, not by their looks; maps of the first segmentation, "
    "averaged to 32 x 32 areas and drawn smooth."
)


@dataclass(frozen=True)
class Example:
    """One target: its `film` and each method's map on it, float (H, W, 3) in [0, 1], the finding outlined
    where its place is known; `score`: the classifier's."""

    image_id: str
    finding: str
    score: float
    film: np.ndarray
    maps: dict[str, np.ndarray]


def examples(
    benchmark: Benchmark, records: Sequence[dict[str, Any]], targets: Sequence[Target]
) -> list[Example]:
    """The first `SHOWN` targets that the first segmentation and some method could treat."""
    first = benchmark.segmentations[0]
    shown: list[Example] = []
    for target in targets:
        key = (target.image_id, target.finding, first)
        mine = [each for each in records if (each["image_id"], each["finding"], each["segmentation"]) == key]
        if mine:
            shown.append(_example(benchmark, target, mine))
        if len(shown) == SHOWN:
            break
    return shown


def _example(benchmark: Benchmark, target: Target, records: Sequence[dict[str, Any]]) -> Example:
    film = benchmark.film(target).pixels.mean(axis=0)
    lesion = benchmark.lesion(target, film.shape)
    times = max(1, round(PIXELS / max(film.shape)))
    large, area = (np.kron(part, np.ones((times, times), part.dtype)) for part in (film, lesion))
    maps = {
        record["method"]: outlined(heat_over(large, _spread(np.array(record["map"]), large.shape)), area)
        for record in records
    }
    grey = np.repeat(large[..., None], 3, axis=2)
    score = float(records[0]["prediction"])
    return Example(target.image_id, target.finding, score, outlined(grey, area), maps)


def _spread(small: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A small map, bilinear, at the size of a film."""
    from PIL import Image

    height, width = shape
    picture = Image.fromarray(small.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(picture)
