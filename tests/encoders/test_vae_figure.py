from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from cxrneighbors.encoders.vae_figure import figure3


def test_originals_above_reconstructions_whatever_the_exposure(
    films: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    images = films(3, 32)
    for name, shown in (("a", images), ("b", 0.4 * images + 0.3)):
        figure3(shown, np.zeros_like(images), tmp_path / f"{name}.png")
    one, other = (np.asarray(Image.open(tmp_path / f"{name}.png").convert("L"), float) for name in "ab")
    assert one.shape == other.shape and np.abs(one - other).mean() < 1
    height = len(one) // 2
    assert one[:height].std() > one[height:].std(), "pictures above, plain grey below"
