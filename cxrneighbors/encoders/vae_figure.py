"""Figure 3 of the paper: originals and what the VAE's latent space keeps of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from cxrneighbors.figures import new_figure, to_png
from cxrneighbors.files import write_bytes_atomic
from cxrneighbors.training.exposure import standardise

GREYS = (-2.0, 2.5)  # standard deviations shown as black and white


def figure3(images: np.ndarray, reconstructions: np.ndarray, path: str | Path) -> None:
    """Write a PNG with originals in the upper row and reconstructions in the lower.

    `images`: float32 (N, 1, H, W) in [0, 1]; `reconstructions`: float32 (N, 1, H, W), standardised. Both rows
    show standardised grey values: the network never sees a film's own brightness.
    """
    originals = standardise(torch.from_numpy(images)).numpy()
    n = len(images)
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
