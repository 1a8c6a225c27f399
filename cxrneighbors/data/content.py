"""What image files hold, whatever they are called: copies found by hash, damaged and animated files named."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cxrneighbors.data.dicom import is_dicom
from cxrneighbors.data.pixels import BROKEN_IMAGE, read_pixels, usable_cpus
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError
from cxrneighbors.progress import track

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class ImageContent:
    """`sha256`: of decoded pixels, shape and mode, 64 hex digits; `width`, `height` in pixels."""

    sha256: str
    width: int
    height: int


def read_contents(
    paths: Sequence[str | Path], names: Sequence[str], skipped: Skipped
) -> list[ImageContent | None]:
    """Decode N image files by threads; None for each that is missing, damaged or animated.

    Those go to `skipped` under their name with the reason. The hash is over the decoded pixels, so that a
    copy with other metadata or compression (PNG) is still a copy.
    """
    with ThreadPoolExecutor(usable_cpus()) as pool:
        results = list(track(pool.map(_content, paths), "checking images", total=len(paths)))
    for name, result in zip(names, results, strict=True):
        if isinstance(result, str):
            skipped.add(name, result)
    return [None if isinstance(result, str) else result for result in results]


def _content(path: str | Path) -> ImageContent | str:
    """What the file holds, or why it cannot be used."""
    try:
        data = Path(path).read_bytes()
        if not data:
            return "image file is empty (0 bytes); get it again"
        if is_dicom(path):
            pixels = read_pixels(path)
            digest = hashlib.sha256(f"dicom|{pixels.shape}|".encode() + pixels.tobytes())
            return ImageContent(digest.hexdigest(), pixels.shape[1], pixels.shape[0])
        with Image.open(io.BytesIO(data)) as image:
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":
                return f"animated or of several frames ({frames}); save the frame that is the X-ray"
            image.load()
            digest = hashlib.sha256(f"{image.mode}|{image.size}|".encode())
            digest.update(image.tobytes())
            return ImageContent(digest.hexdigest(), *image.size)
    except UserError as error:
        return str(error)
    except FileNotFoundError:
        return "no image file"
    except BROKEN_IMAGE as error:
        reason = " ".join(str(error).split())[:120]
        return f"cannot be read as an image ({reason}); get it again"


def link_patients(table: pd.DataFrame, key: str) -> pd.DataFrame:
    """Make patients who share a value of column `key` (an image's hash) one, under the first one's id.

    `table` has `dataset` and `patient_id`; a patient is the pair, so that who is in two data sets goes to the
    first of them. Returns a copy with both columns changed.
    """
    pairs = list(zip(table["dataset"], table["patient_id"], strict=True))
    linked = first_linked(pairs, table[key].tolist())
    return table.assign(dataset=[pair[0] for pair in linked], patient_id=[pair[1] for pair in linked])


def first_linked(units: Sequence[T], values: Sequence[Hashable]) -> list[T]:
    """For each of N units the first one that it is linked to, directly or by others, by an equal value.

    >>> first_linked(["a", "b", "c", "d"], [1, 2, 1, 3]), first_linked(["a", "b", "a"], [1, 2, 2])
    (['a', 'b', 'a', 'd'], ['a', 'a', 'a'])
    """
    numbers: dict[Hashable, int] = {}
    of_unit = [numbers.setdefault(("unit", unit), len(numbers)) for unit in units]
    of_value = [numbers.setdefault(("value", value), len(numbers)) for value in values]
    links = coo_array((np.ones(len(of_unit)), (of_unit, of_value)), shape=(len(numbers), len(numbers)))
    group = connected_components(links, directed=False)[1]
    first: dict[int, T] = {}
    return [first.setdefault(group[number], unit) for number, unit in zip(of_unit, units, strict=True)]
