"""Figure 3 of the paper: originals and what the VAE's latent space keeps of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cxrneighbors.figures import new_figure, to_png
from cxrneighbors.files import write_bytes_atomic

GREYS = (-2.0, 2.5)  # standard deviations shown as black and white


def figure3(originals: np.ndarray, reconstructions: np.ndarray, path: str | Path) -> None:
    """Write a PNG with originals in the upper row and reconstructions in the lower.

    Both float32 (N, 1, H, W), in the grey values that the network is shown.
    """
    n = len(originals)
    figure = new_figure(1.6 * n + 0.5, 3.5, constrained=True)
    axes = figure.subplots(2, n, squeeze=False)
    for row, (label, pictures) in enumerate((("original", originals), ("reconstruction", reconstructions))):
        for column in range(n):
            axis = axes[row, column]
            axis.imshow(pictures[column, 0], cmap="gray", vmin=GREYS[0], vmax=GREYS[1])
            axis.set_xticks([])
            axis.set_yticks([])
        axes[row, 0].set_ylabel(label)
    write_bytes_atomic(path, to_png(figure))
