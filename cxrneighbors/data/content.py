"""What image files hold, whatever they are called: copies found by hash, damaged and animated files named."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from PIL import Image

from cxrneighbors.data.dicom import is_dicom
from cxrneighbors.data.pixels import BROKEN, read_pixels, usable_cpus
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError
from cxrneighbors.progress import track


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
    except BROKEN as error:
        reason = " ".join(str(error).split())[:120]
        return f"cannot be read as an image ({reason}); get it again"


def link_patients(table: pd.DataFrame, key: str) -> pd.DataFrame:
    """Make patients who share a value of column `key` (an image's hash) one, under the first one's id.

    `table` has `dataset` and `patient_id`; a patient is the pair, so that who is in two data sets goes to the
    first of them. Returns a copy with both columns changed.
    """
    leader: dict[tuple[str, str], tuple[str, str]] = {}

    def lead(patient: tuple[str, str]) -> tuple[str, str]:
        while leader.setdefault(patient, patient) != patient:
            patient = leader[patient]
        return patient

    pairs = list(zip(table["dataset"], table["patient_id"], strict=True))
    place = {pair: number for number, pair in reversed(list(enumerate(pairs)))}
    owner: dict[str, tuple[str, str]] = {}
    for pair, value in zip(pairs, table[key], strict=True):
        first, other = sorted((lead(owner.setdefault(value, pair)), lead(pair)), key=place.__getitem__)
        if first != other:
            leader[other] = first
    found = [lead(pair) for pair in pairs]
    return table.assign(dataset=[pair[0] for pair in found], patient_id=[pair[1] for pair in found])
