"""What image files hold, whatever they are called: copies found by hash, damaged and animated files named."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cxrneighbors.data.dicom import is_dicom
from cxrneighbors.data.pixel_limit import check_pixels
from cxrneighbors.data.pixels import BROKEN, read_pixels
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError
from cxrneighbors.processes import usable_cpus
from cxrneighbors.progress import track

T = TypeVar("T", bound=Hashable)


def with_hashes(table: pd.DataFrame, skipped: Skipped) -> pd.DataFrame:
    """The rows of `table` (columns `path`, `image_id`) whose image can be read, with its hash as `sha256`.

    The hash, 64 hex digits, is over decoded pixels, shape and mode, so that a copy with other metadata or
    compression (PNG) is still a copy. Files that are missing, damaged or animated go to `skipped`.
    """

    def read(path: str) -> tuple[str | None, str]:
        try:
            return content_hash(path), ""
        except UserError as error:
            return None, str(error)

    paths = table["path"].tolist()
    with ThreadPoolExecutor(usable_cpus()) as pool:
        results = list(track(pool.map(read, paths), "checking images", total=len(paths)))
    for image_id, (_, trouble) in zip(table["image_id"], results, strict=True):
        if trouble:
            skipped.add(image_id, trouble)
    hashes = pd.Series([digest for digest, _ in results], dtype=object, index=table.index)
    return table.assign(sha256=hashes).dropna(subset="sha256").reset_index(drop=True)


def content_hash(path: str | Path) -> str:
    """SHA-256 of an image's decoded pixels, shape and mode; a `UserError` says why a file cannot be used."""
    try:
        data = Path(path).read_bytes()
        if not data:
            raise UserError("image file is empty (0 bytes); get it again")
        if is_dicom(path):
            pixels = read_pixels(path)
            return hashlib.sha256(f"dicom|{pixels.shape}|".encode() + pixels.tobytes()).hexdigest()
        with Image.open(io.BytesIO(data)) as image:
            check_pixels(*image.size)
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":
                raise UserError(f"animated or of several frames ({frames}); save the frame that is the X-ray")
            image.load()
            return hashlib.sha256(f"{image.mode}|{image.size}|".encode() + image.tobytes()).hexdigest()
    except FileNotFoundError:
        raise UserError("no image file") from None
    except BROKEN as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"cannot be read as an image ({reason}); get it again") from None


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
