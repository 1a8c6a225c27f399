"""Segments of a real film by quickshift: scikit-image against ours, at four sizes, with LIME's parameters."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import skimage.segmentation

from benchmarks.turns import installed, ratio, settings, spread, summary, take_turns
from common.markdown import document, table
from cxrneighbors.data.pixels import read_pixels, resize
from cxrneighbors.devices import resolve_device
from cxrneighbors.explain.quickshift import quickshift
from cxrneighbors.explain.segments import OPTIONS

SIZES = (128, 224, 512, 1024)
LIMIT = (
    "Before: scikit-image's two scalar searches of the window, an exponential for every pair. Now, of the "
    "processor's time on 512² of noise: a vectorised exponential for every other pair 65 %, the search for "
    "the denser pixel 26 %, CIELAB (scikit-image's) 8 %."
)


def measure(given: Namespace) -> dict[str, Any]:
    """A row a size: seconds of both, their ratio, and whether the segments are the same."""
    film = read_pixels(first_film(given.data))
    device = resolve_device(given.device)
    rows = []
    for size in SIZES[:2] if given.small else SIZES:
        picture = np.repeat(resize(film, size)[:, :, None].astype(np.float64), 3, axis=2)
        ways = {"scikit-image": partial(by_scikit_image, picture), "ours": partial(by_us, picture, "cpu")}
        if device != "cpu":
            ways["ours, GPU"] = partial(by_us, picture, device)
        theirs, ours = ways["scikit-image"](), ways["ours"]()
        seconds = take_turns(ways, given.rounds, warm=False)
        row: dict[str, Any] = {"size": size, "segments": int(ours.max()) + 1}
        row["equal"] = bool((theirs == ours).all())
        row |= {name: summary(each) for name, each in seconds.items()}
        row |= {"ratio": ratio(seconds, "scikit-image", "ours")}
        if device != "cpu":
            row |= {"ratio, GPU": ratio(seconds, "scikit-image", "ours, GPU")}
        rows.append(row)
    return settings(given, rows=rows, rivals=installed("scikit-image"), limit=LIMIT)


def by_scikit_image(picture: np.ndarray) -> np.ndarray:
    cut: Callable[..., np.ndarray] = skimage.segmentation.quickshift
    return cut(picture, rng=42, **OPTIONS["quickshift"])


def by_us(picture: np.ndarray, device: str) -> np.ndarray:
    return quickshift(picture, **OPTIONS["quickshift"], device=device)


def first_film(data: Path) -> Path:
    """A film of 1024 x 1024 pixels."""
    return sorted((data / "chestxray14-1024").rglob("*.png"))[0]


def markdown(found: dict[str, Any]) -> str:
    """A row a size."""
    columns = {
        "pixels": "{size} × {size}",
        "segments:": "{segments}",
        "the same": "{same}",
        "scikit-image, s": "{theirs}",
        "ours, s": "{ours}",
        "times as long": "{times}",
        "on the GPU": "{gpu}",
    }
    rows = [
        row
        | {
            "same": "yes" if row["equal"] else "no",
            "theirs": spread(row["scikit-image"], 3),
            "ours": spread(row["ours"], 3),
            "times": spread(row["ratio"]),
            "gpu": spread(row.get("ratio, GPU")) or "not run",
        }
        for row in found["rows"]
    ]
    return document(
        f"Quickshift of one real film, `kernel_size` 4, `max_dist` 200, `ratio` 0.2; {found['rounds']} "
        "rounds, median (lowest to highest).",
        table(columns, rows),
        found["limit"],
    )
