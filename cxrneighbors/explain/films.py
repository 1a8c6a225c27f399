"""Films as explanations take them: pixels, findings, and the patient whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.pixels import read_pixels, resize
from cxrneighbors.errors import UserError
from cxrneighbors.files import sha256_file


@dataclass(frozen=True)
class Film:
    """`pixels`: float32 (C, H, W) in [0, 1]; `image_id`, `findings`: of one in the index.

    `path`: the file of one from outside, which encoders read in their own way; None for an array.
    `patient_id`: whose film one from outside is, as `NeighborIndex.search` takes it.
    """

    pixels: np.ndarray
    image_id: str | None = None
    findings: tuple[str, ...] = ()
    path: Path | None = None
    patient_id: str | None = None


def read_film(path: str | Path, size: int | None, aspect: str) -> np.ndarray:
    """A film file as float32 (1, size, size) in [0, 1]; `size` None leaves it as it is, (1, H, W)."""
    pixels = read_pixels(path)
    return (pixels if size is None else resize(pixels, size, aspect))[None]


def indexed_film(studies: pd.DataFrame, image_id: str, size: int | None, aspect: str) -> Film:
    """A film of a study table; `UserError` when it is not there, or its pixels are not on disk."""
    row = studies.iloc[row_of(studies, image_id)]
    path = row["path"]
    if not isinstance(path, str) or not Path(path).is_file():
        where = "no file is recorded for it" if not isinstance(path, str) else f"there is no file {path}"
        raise UserError(
            f"image {image_id!r}: has no pixels on disk ({where}); "
            "import the data set with its images, or keep it out of the neighbours with a filter (--where)"
        )
    findings = tuple(str(finding) for finding in row["findings"])
    return Film(read_film(path, size, aspect), image_id, findings)


def id_of_file(studies: pd.DataFrame, path: Path) -> str | None:
    """The image that a file holds, under whatever name: same file, or same size and content."""
    if not path.is_file():
        return None
    size, digest = path.stat().st_size, None
    for image_id, name in zip(studies["image_id"], studies["path"], strict=True):
        other = Path(name) if isinstance(name, str) else None
        if other is None or not other.is_file() or other.stat().st_size != size:
            continue
        digest = digest or sha256_file(path)
        if other.samefile(path) or sha256_file(other) == digest:
            return str(image_id)
    return None


def row_of(studies: pd.DataFrame, image_id: str) -> int:
    """Row of `image_id` in a study table."""
    rows = np.flatnonzero(studies["image_id"].to_numpy() == image_id)
    if not len(rows):
        raise UserError(f"image {image_id!r}: not in the index; give an image_id of its study table")
    return int(rows[0])


def film_from_array(image: np.ndarray, patient_id: str | None = None) -> Film:
    """A film from an array (H, W), (1, H, W) or (3, H, W) of floats in [0, 1]."""
    pixels = np.asarray(image, dtype=np.float32)
    pixels = pixels[None] if pixels.ndim == 2 else pixels
    if pixels.ndim != 3 or pixels.shape[0] not in (1, 3):
        raise UserError(
            f"image: must be (H, W), (1, H, W) or (3, H, W) in [0, 1], got shape {np.shape(image)}"
        )
    if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 1:
        raise UserError("image: its values must lie in [0, 1]; divide 8-bit pixels by 255")
    return Film(pixels, patient_id=patient_id)
