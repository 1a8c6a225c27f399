"""The metric of the latent space against decoders whose Jacobian is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cxrneighbors.encoders.latent_metric import metric_map, picture_metric
from cxrneighbors.encoders.vae import VAE
from cxrneighbors.errors import UserError


class Linear(torch.nn.Module):
    """Decoder x = A z + b, whose Jacobian is A everywhere."""

    def __init__(self, matrix: torch.Tensor) -> None:
        super().__init__()
        self.matrix = matrix

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        return codes @ self.matrix.T + 3.0


@pytest.fixture
def matrix() -> torch.Tensor:
    return torch.randn(50, 4, generator=torch.Generator().manual_seed(0))


def test_picture_distance_is_the_distance_of_linear_pictures(matrix: torch.Tensor) -> None:
    metric = picture_metric(Linear(matrix), torch.randn(3, 4))  # type: ignore[arg-type]
    np.testing.assert_allclose(metric, matrix.T @ matrix / 50, atol=1e-4)
    codes = torch.randn(2, 4)
    mapped = codes @ metric_map(metric, "picture")
    pictures = (codes[0] - codes[1]) @ matrix.T
    assert torch.linalg.norm(mapped[0] - mapped[1]) == pytest.approx(
        float(pictures.square().mean().sqrt()), rel=1e-3
    )


def test_balanced_is_halfway_between(matrix: torch.Tensor) -> None:
    metric = matrix.T @ matrix
    half = metric_map(metric, "balanced")
    np.testing.assert_allclose(half @ half, metric_map(metric, "picture"), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(metric_map(metric, "latent"), torch.eye(4), atol=1e-6)


def test_vae_vectors_follow_the_metric(tmp_path) -> None:
    films = np.random.default_rng(0).random((12, 1, 32, 32), np.float32)
    vae = VAE(latent_dim=4, image_size=32, width=4, device="cpu", metric="balanced")
    vae.fit(films, epochs=1, batch_size=4)
    means = vae.with_metric("latent").encode(films)
    assert not np.allclose(vae.network.picture_metric, np.eye(4))
    expected = means @ metric_map(vae.network.picture_metric, "balanced").numpy()
    np.testing.assert_allclose(vae.encode(films), expected, rtol=1e-5)
    vae.save(tmp_path)
    np.testing.assert_array_equal(VAE.load(tmp_path, device="cpu").encode(films), vae.encode(films))


def test_a_finished_training_serves_every_metric(tmp_path) -> None:
    films = np.random.default_rng(0).random((12, 1, 32, 32), np.float32)
    options = {"latent_dim": 4, "image_size": 32, "width": 4, "device": "cpu"}
    plain = VAE(**options).fit(films, out=tmp_path, epochs=1, batch_size=4)
    other = VAE(**options, metric="picture").fit(films, out=tmp_path, epochs=1, batch_size=4)
    np.testing.assert_array_equal(other.encode(films), plain.with_metric("picture").encode(films))


def test_unknown_metric_lists_the_known() -> None:
    with pytest.raises(UserError, match="latent, balanced, picture"):
        VAE(metric="cosine", device="cpu")
