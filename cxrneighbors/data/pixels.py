"""Image files to float32 in [0, 1], and to squares that keep the aspect."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from cxrneighbors.data.dicom import is_dicom, read_dicom_pixels
from cxrneighbors.data.pixel_limit import check_pixels
from cxrneighbors.errors import UserError, choose
from cxrneighbors.processes import usable_cpus
from cxrneighbors.progress import track

if TYPE_CHECKING:
    from cxrneighbors.data.skipped import Skipped

ASPECTS = ("pad", "crop")
# What Pillow raises on damaged files, by format.
BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)


def read_pixels(path: str | Path) -> np.ndarray:
    """Read an X-ray as float32 (H, W) in [0, 1], 0 black.

    PNG, JPEG and what else Pillow opens, with 1, 8 or 16 bits, in grey, colour or palette; DICOM by its mark
    or suffix (see `dicom.read_dicom_pixels`). Colour becomes luma (ITU-R 601; grey stored as RGB stays
    exact, colours with 16 bits a channel are read with 8); alpha is ignored: NIH publishes grey as RGBA with
    constant alpha. The EXIF rotation of a JPEG is applied. Of an animation or several frames the first is
    taken. 16-bit grey is divided by 65535, whatever values occur.

    Raises `UserError` naming the file when it is missing, empty, truncated, no image, or has more than
    `pixel_limit.MAX_PIXELS`.
    """
    path = Path(path)
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{path}: the image file is empty (0 bytes); get it again")
        if is_dicom(path):
            return read_dicom_pixels(path)
        with Image.open(path) as image:
            return to_grey(image)
    except FileNotFoundError:
        raise UserError(f"{path}: no such image file; check the path or import the data set again") from None
    except BROKEN as error:
        reason = " ".join(str(error).replace(str(path), "the file").split())[:200]
        raise UserError(f"{path}: cannot be read as an image ({reason}); get it again") from None


def resize(pixels: np.ndarray, size: int, aspect: str = "pad") -> np.ndarray:
    """Bring (H, W) float32 to (size, size), aspect kept.

    `aspect`: 'pad' fits the longer side and fills with black around the centre; 'crop' fits the shorter side
    and cuts the ends of the longer one off. Shrinking averages over areas (each output pixel is the mean of
    the input area under it), enlarging interpolates linearly.
    """
    choose("aspect", aspect, ASPECTS)
    height, width = pixels.shape
    if aspect == "crop":
        side = min(height, width)
        left, top = (width - side) / 2, (height - side) / 2
        return _scale(pixels, (size, size), (left, top, left + side, top + side))
    scale = size / max(height, width)
    new = (max(1, round(width * scale)), max(1, round(height * scale)))
    inner = _scale(pixels, new, (0, 0, width, height))
    if new == (size, size):
        return inner
    canvas = np.zeros((size, size), dtype=np.float32)
    left, top = (size - new[0]) // 2, (size - new[1]) // 2
    canvas[top : top + new[1], left : left + new[0]] = inner
    return canvas


def load_image(path: str | Path, size: int = 224, aspect: str = "pad") -> np.ndarray:
    """`read_pixels` and `resize`: float32 (1, size, size) in [0, 1]."""
    return resize(read_pixels(path), size, aspect)[None]


def load_images(
    paths: Sequence[str | Path | None],
    size: int = 224,
    aspect: str = "pad",
    skipped: Skipped | None = None,
    workers: int | None = None,
    names: Sequence[str] | None = None,
    description: str = "",
    prepare: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Read N images by threads (decoding and scaling leave Python's lock free).

    `names`: what to call the images in `skipped` (image ids); their paths by default. `workers`: threads,
    one per usable CPU by default. `description`: shows a progress bar with this text. `prepare`: brings
    pixels float32 (H, W) to (1, size, size) instead of `resize`.
    Returns images float32 (M, 1, size, size) in [0, 1] and kept int64 (M,), the positions in `paths` they
    come from, ascending. Unreadable images and missing paths go to `skipped` with their reason; without
    `skipped` the first one raises its `UserError`.
    """
    choose("aspect", aspect, ASPECTS)
    images = np.empty((len(paths), 1, size, size), dtype=np.float32)

    def load(position: int) -> str | None:
        path = paths[position]
        try:
            if path is None:
                raise UserError(
                    f"{names[position] if names else position}: no image file; import with images"
                )
            images[position] = prepare(read_pixels(path)) if prepare else load_image(path, size, aspect)
        except UserError as error:
            if skipped is None:
                raise
            return str(error)
        return None

    kept = []
    with ThreadPoolExecutor(workers or usable_cpus()) as pool:
        outcomes = pool.map(load, range(len(paths)))
        progress = track(outcomes, description, total=len(paths)) if description else outcomes
        for position, reason in enumerate(progress):
            if reason is None:
                kept.append(position)
            elif skipped is not None:
                skipped.add(names[position] if names else str(paths[position]), reason)
    index = np.array(kept, dtype=np.int64)
    return (images if len(kept) == len(paths) else images[index]), index


def image_size(path: str | Path) -> tuple[int, int]:
    """(width, height) in pixels from the header of a PNG, JPEG or the like; nothing is decoded.

    Raises `UserError` when the header cannot be read.
    """
    try:
        with Image.open(path) as image:
            return image.size
    except BROKEN as error:
        raise UserError(f"{path}: the size of the image cannot be read ({error}); get it again") from None


def to_grey(image: Image.Image) -> np.ndarray:
    """An opened image as float32 (H, W) in [0, 1]; raises one of `BROKEN` where it cannot be decoded."""
    check_pixels(*image.size)
    if image.format in ("JPEG", "MPO"):
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow calls I;16, I;16B or I by version
        return np.clip(np.asarray(image, dtype=np.float32) / 65535, 0.0, 1.0)
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range; store them as 16-bit grey")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    grey = image if image.mode == "L" else image.convert("L")
    return np.asarray(grey, dtype=np.float32) / np.float32(255)


def _scale(pixels: np.ndarray, new: tuple[int, int], box: tuple[float, float, float, float]) -> np.ndarray:
    """Scale the part `box` (left, top, right, bottom) to `new` (width, height): float32 (height, width)."""
    whole = box == (0, 0, pixels.shape[1], pixels.shape[0])
    if whole and new == (pixels.shape[1], pixels.shape[0]):
        return np.ascontiguousarray(pixels, dtype=np.float32)
    smaller = new[0] < box[2] - box[0] or new[1] < box[3] - box[1]
    method = Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR
    image = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    return np.asarray(image.resize(new, method, box=box)).clip(0.0, 1.0)
