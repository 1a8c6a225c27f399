"""Figure 3 of the paper: originals and what the VAE's latent space keeps of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from cxrneighbors.encoders.exposure import standardise
from cxrneighbors.files import atomic_path

GREYS = (-2.0, 2.5)  # standard deviations shown as black and white


def figure3(images: np.ndarray, reconstructions: np.ndarray, path: str | Path) -> None:
    """Write a PNG with originals in the upper row and reconstructions in the lower.

    `images`: float32 (N, 1, H, W) in [0, 1]; `reconstructions`: float32 (N, 1, H, W), standardised. Both rows
    show standardised grey values: the network never sees a film's own brightness.
    """
    from matplotlib.figure import Figure

    originals = standardise(torch.from_numpy(images)).numpy()
    n = len(images)
    figure = Figure(figsize=(1.6 * n + 0.5, 3.5), layout="constrained")
    axes = figure.subplots(2, n, squeeze=False)
    for row, (label, pictures) in enumerate((("original", originals), ("reconstruction", reconstructions))):
        for column in range(n):
            axis = axes[row, column]
            axis.imshow(pictures[column, 0], cmap="gray", vmin=GREYS[0], vmax=GREYS[1])
            axis.set_xticks([])
            axis.set_yticks([])
        axes[row, 0].set_ylabel(label)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)
