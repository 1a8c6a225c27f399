"""Twelve small films whose lesion is known, in a real index, and a classifier that looks only there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

SIZE, CELLS = 48, 4
LESION = 6  # the grid segment that the classifier looks at: row 1, column 2
LABELS = ("Nodule", "Effusion")


def grid(film: np.ndarray) -> np.ndarray:
    """Segmentation: a grid of 4 x 4 cells, int (H, W)."""
    rows, columns = np.mgrid[: film.shape[1], : film.shape[2]] * CELLS // film.shape[1]
    return rows * CELLS + columns


def looks_at_lesion(images: np.ndarray) -> np.ndarray:
    """Scores (N, 2): Nodule rises with the brightness of cell `LESION`, Effusion is its opposite."""
    cell = images[:, 0, 12:24, 24:36].mean((1, 2))
    nodule = 1 / (1 + np.exp(-12 * (cell - 0.6)))
    return np.stack([nodule, 1 - nodule], axis=1)


@dataclass
class World:
    """`index`: over `studies`, by a 16 x 16 pixel encoder; 'p0' is the target."""

    index: object
    studies: pd.DataFrame
    folder: Path


def film_pixels(number: int) -> np.ndarray:
    """uint8 (48, 48): a smooth random background and a lesion, brightest on the target (number 0)."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(number)
    background = 0.45 + 1.2 * gaussian_filter(rng.normal(size=(SIZE, SIZE)), 6)
    background[12:24, 24:36] = 0.95 if number == 0 else 0.78
    return (np.clip(background, 0, 1) * 255).astype(np.uint8)


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    from cxrneighbors.data.schema import validate_studies
    from cxrneighbors.encoders.encode import encode
    from cxrneighbors.encoders.pixels import PixelEncoder
    from cxrneighbors.index.neighbor_index import NeighborIndex

    folder = tmp_path_factory.mktemp("films")
    rows = []
    for number in range(12):
        path = folder / f"p{number}.png"
        Image.fromarray(film_pixels(number)).save(path)
        findings = ["Nodule"] if number % 2 == 0 else ["Effusion", "Pleural_Thickening"]
        rows.append(
            {"image_id": f"p{number}", "path": str(path), "patient_id": str(number), "findings": findings}
        )
    studies = validate_studies(pd.DataFrame(rows))
    embeddings = encode(studies, image=PixelEncoder(16), report=None, out=folder / "embeddings")
    return World(NeighborIndex.build(embeddings, studies, backend="exact"), studies, folder)


@pytest.fixture
def options() -> dict:
    """Constructor arguments that fit the world."""
    return {
        "labels": LABELS,
        "segmentation": grid,
        "image_size": SIZE,
        "n_masks": 60,
        "k": 4,
        "device": "cpu",
    }


@pytest.fixture
def model():
    """The classifier that looks at one region."""
    return looks_at_lesion
