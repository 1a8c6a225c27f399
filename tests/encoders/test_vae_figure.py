from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from cxrneighbors.encoders.vae import VAE
from cxrneighbors.encoders.vae_figure import figure3


def test_originals_above_reconstructions(films: Callable[..., np.ndarray], tmp_path: Path) -> None:
    figure3(4 * films(3, 32) - 2, np.zeros((3, 1, 32, 32), np.float32), tmp_path / "figure.png")
    drawn = np.asarray(Image.open(tmp_path / "figure.png").convert("L"), float)
    height = len(drawn) // 2
    assert drawn[:height].std() > drawn[height:].std(), "pictures above, plain grey below"


def test_a_training_draws_what_the_network_is_shown(films: Callable[..., np.ndarray], tmp_path: Path) -> None:
    """With exposure standardised, films of another exposure give the same figure."""
    small = {"latent_dim": 4, "image_size": 32, "width": 8, "device": "cpu"}
    for name, images in (("a", films(40, 32)), ("b", 0.4 * films(40, 32) + 0.3)):
        VAE(**small).fit(images, out=tmp_path / name, epochs=1, batch_size=8, augmentation=False)
    one, other = (
        np.asarray(Image.open(tmp_path / name / "figure3.png").convert("L"), float) for name in "ab"
    )
    assert one.shape == other.shape and np.abs(one - other).mean() < 1
