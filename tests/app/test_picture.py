"""Films as PNG bytes."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from cxrneighbors.app.picture import film_png


def test_grey_values_and_aspect_are_kept() -> None:
    pixels = np.linspace(0, 1, 60 * 40, dtype=np.float32).reshape(60, 40)
    shown = np.asarray(Image.open(io.BytesIO(film_png(pixels, 128))))
    assert shown.shape == (60, 40) and np.abs(shown / 255 - pixels).max() < 0.003
    small = Image.open(io.BytesIO(film_png(pixels, 30)))
    assert small.size == (20, 30) and small.mode == "L" and small.info == {}
