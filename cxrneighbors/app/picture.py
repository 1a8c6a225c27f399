"""Films as PNG bytes at the size that the page shows."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

SIZES = (128, 256, 512, 1024, 2048)  # pixels of the longer side, at most


def film_png(pixels: np.ndarray, size: int) -> bytes:
    """float32 (H, W) in [0, 1] as a grey 8-bit PNG whose longer side has at most `size` pixels."""
    image = Image.fromarray(np.round(pixels * 255).astype(np.uint8))
    image.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
