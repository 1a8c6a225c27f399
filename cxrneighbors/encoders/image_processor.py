"""The image processor that comes with a published vision model, applied to grey films."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from cxrneighbors.errors import UserError
from cxrneighbors.hub import may_fetch

PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
FLOAT_TYPE = (
    "DINOv3ViTImageProcessor"  # resizes numbers, not 8-bit pixels; transformers' own needs torchvision
)
# Two films of other shapes and contents: what a processor makes of them tells whether we do the same.
PROBES = tuple(
    (np.arange(height * width).reshape(height, width) * step % 256).astype(np.uint8)
    for height, width, step in ((48, 64, 7), (64, 40, 5))
)
Geometry = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class FilmProcessor:
    """`geometry`: pixels float32 (H, W) in [0, 1] to (S, S) in [0, 1]; `scale`, `mean`, `std`: what follows.

    Pixels in [0, 1] become (`scale` * pixels - mean) / std in each of the three channels.
    """

    geometry: Geometry
    image_size: int
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """A film float32 (H, W) in [0, 1] resized and cropped: float32 (1, S, S) in [0, 1]."""
        return self.geometry(pixels)[None].astype(np.float32)

    def standardise(self, images: Tensor) -> Tensor:
        """Prepared films float (B, 1, S, S) to what the network takes: float (B, 3, S, S)."""
        mean, std = (images.new_tensor(values).view(1, 3, 1, 1) for values in (self.mean, self.std))
        return (images * self.scale - mean) / std


def read_processor(source: str | Path, what: str, revision: str | None = None) -> FilmProcessor:
    """The image processor of a model's folder or hub name; `what` names the encoder in messages.

    Size, crop, resampling, rescaling, mean and deviation are the processor's. Its pixels are 8-bit as
    transformers' are: films of 16 bits are rounded to 255 levels. Raises `UserError` for a processor whose
    result is not one square picture of three channels that these steps explain.
    """
    from transformers import AutoConfig
    from transformers.models.auto.image_processing_auto import AutoImageProcessor, get_image_processor_config

    # First the model's own settings: a hub that cannot be reached is an error here, and silence there.
    where: dict[str, Any] = {"revision": revision, "local_files_only": not may_fetch()}
    AutoConfig.from_pretrained(str(source), trust_remote_code=False, **where)
    settings = get_image_processor_config(str(source), **where)
    if str(settings.get("image_processor_type")).removesuffix("Fast") == FLOAT_TYPE:
        return _float_processor(settings, what)
    processor: Any = AutoImageProcessor.from_pretrained(  # type: ignore[no-untyped-call]
        str(source), backend="pil", trust_remote_code=False, **where
    )
    return _eight_bit_processor(processor, what)


def _eight_bit_processor(processor: Any, what: str) -> FilmProcessor:
    def run(pixels: np.ndarray, **options: bool) -> np.ndarray:
        colour = np.repeat(pixels[None], 3, axis=0)
        result = processor(colour, return_tensors="np", input_data_format="channels_first", **options)
        return np.asarray(result["pixel_values"], np.float32)

    def geometry(pixels: np.ndarray) -> np.ndarray:
        eight_bit = np.rint(pixels * 255).astype(np.uint8)
        sized: np.ndarray = run(eight_bit, do_rescale=False, do_normalize=False)[0, 0] / np.float32(255)
        return sized

    wanted = [run(probe) for probe in PROBES]
    size = wanted[0].shape[-1]
    if any(found.shape != (1, 3, size, size) for found in wanted):
        raise UserError(
            f"{what}: its image processor gives shapes {[found.shape for found in wanted]} for two films, "
            "not one square of three channels; give a model of a fixed square size"
        )
    offset = 1.0 if getattr(processor, "rescale_offset", False) else 0.0
    factor = processor.rescale_factor if processor.do_rescale else 1.0
    normalises = processor.do_normalize
    mean = _three(processor.image_mean) if normalises else (0.0,) * 3
    std = _three(processor.image_std) if normalises else (1.0,) * 3
    mean = tuple(value + offset for value in mean)
    found = FilmProcessor(geometry, size, 255 * factor, mean, std)
    for probe, values in zip(PROBES, wanted, strict=True):
        ours = found.standardise(torch.from_numpy(found.prepare(probe / np.float32(255)))[None]).numpy()
        if not np.allclose(ours, values, atol=1e-4 * max(1.0, float(np.abs(values).max()))):
            raise UserError(
                f"{what}: its image processor {type(processor).__name__} does more than resize, crop, "
                "rescale and normalise; give a model without such steps"
            )
    return found


def _float_processor(settings: Mapping[str, Any], what: str) -> FilmProcessor:
    """DINOv3's: rescaled, then resized with an anti-aliasing filter in floating point, then normalised."""
    size = dict(settings.get("size") or {"height": 224, "width": 224})
    modes = {Image.Resampling.BILINEAR: "bilinear", Image.Resampling.BICUBIC: "bicubic"}
    mode = modes.get(settings.get("resample", Image.Resampling.BILINEAR))
    if size.get("height") != size.get("width") or not size.get("height") or mode is None:
        raise UserError(f"{what}: its image processor resizes to {size}; give a model of a fixed square size")
    if settings.get("do_center_crop") or not settings.get("do_resize", True):
        raise UserError(f"{what}: its image processor does more than resize; give one that does only that")
    side = int(size["height"])

    def geometry(pixels: np.ndarray) -> np.ndarray:
        film = torch.from_numpy(np.ascontiguousarray(pixels, np.float32))[None, None]
        resized: np.ndarray = interpolate(film, (side, side), mode=mode, antialias=True)[0, 0].numpy()
        return resized

    scale = 255 * settings.get("rescale_factor", 1 / 255) if settings.get("do_rescale", True) else 255.0
    mean: tuple[float, ...] = (0.0,) * 3
    std: tuple[float, ...] = (1.0,) * 3
    if settings.get("do_normalize", True):
        mean = _three(settings.get("image_mean", (0.485, 0.456, 0.406)))
        std = _three(settings.get("image_std", (0.229, 0.224, 0.225)))
    return FilmProcessor(geometry, side, scale, mean, std)


def _three(values: Any) -> tuple[float, ...]:
    """Per channel: one number stands for all three."""
    listed = [float(value) for value in np.ravel(values)]
    return tuple(listed if len(listed) == 3 else listed * 3)
