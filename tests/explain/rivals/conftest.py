"""A film, a question about it, and networks of which the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cxrneighbors.explain.films import Film, FilmReader
from cxrneighbors.explain.masking import Masking
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.rivals.base import Question

SIDE, CELL = 32, 8


def grid(film: np.ndarray) -> np.ndarray:
    """16 squares of 8 x 8 pixels: int (32, 32)."""
    rows, columns = np.mgrid[:SIDE, :SIDE] // CELL
    return rows * (SIDE // CELL) + columns


class SquareNetwork(nn.Module):
    """A logit that rises with the brightness of rows 8..15, columns 16..23 (segment 6), and its opposite."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(8.0))

    def forward(self, images):
        logit = self.weight * (images[:, :, 8:16, 16:24].mean((1, 2, 3)) - 0.5)
        return torch.stack([logit, -logit], 1)


@pytest.fixture
def film() -> np.ndarray:
    """float32 (1, 32, 32), bright in the square."""
    pixels = np.random.default_rng(3).uniform(0.2, 0.8, (1, SIDE, SIDE)).astype(np.float32)
    pixels[0, 8:16, 16:24] = 0.95
    return pixels


@pytest.fixture
def square() -> np.ndarray:
    """Where the network looks: bool (32, 32)."""
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[8:16, 16:24] = True
    return mask


@pytest.fixture
def ask(film):
    """A function that makes a question: model, calls, further fields of the masking."""

    def make(model=None, calls=400, labels=("A", "B"), neighbourhood=None, pixels=None, **masking):
        model = SquareNetwork() if model is None else model
        activation = "sigmoid" if isinstance(model, nn.Module) else "auto"
        predictor = Predictor(model, labels, "cpu", activation=activation, batch_size=16)
        shown = Film(film if pixels is None else pixels)
        segments, reader = grid(shown.pixels), FilmReader(None, None)
        score = float(predictor.score(torch.from_numpy(shown.pixels[None]), labels[0])[0])
        parts = (predictor, Masking(segmentation=grid, **masking), reader, neighbourhood)
        return Question("rival", shown, labels[0], segments, score, calls, *parts)

    return make


@pytest.fixture(scope="session")
def vae(world):
    """A VAE of four dimensions that has seen the twelve films of the world, 32 x 32."""
    from cxrneighbors.data.pixels import load_images
    from cxrneighbors.encoders.vae import VAE

    images, _ = load_images(list(world.studies["path"]), 32, "pad")
    model = VAE(latent_dim=4, image_size=32, width=4, stride=1, local=False, device="cpu")
    return model.fit(images, epochs=1, batch_size=4)


@pytest.fixture(scope="session")
def vae_index(world, vae, tmp_path_factory):
    """The world's index, but by the VAE."""
    from cxrneighbors.encoders.encode import encode
    from cxrneighbors.index.neighbor_index import NeighborIndex

    embeddings = encode(world.studies, image=vae, report=None, out=tmp_path_factory.mktemp("by-vae") / "e")
    return NeighborIndex.build(embeddings, world.studies, backend="exact")
