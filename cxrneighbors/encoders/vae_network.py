"""The VAE's network and its loss: pure torch, no training loop."""

from __future__ import annotations

import math

import torch
from torch import nn

from cxrneighbors.training.exposure import standardise

STRIDE = 32  # the image size has to be a multiple: 8 (first step) x 2 x 2 (two convolutions of stride 2)
CELL = 8  # the linear path sees means over 8 x 8 pixels
OUT_STRIDE = 4  # the decoder paints at a quarter of the image size


class VAENetwork(nn.Module):
    """Variational autoencoder (Kingma & Welling 2014) with a linear and a convolutional path side by side.

    Sixty numbers hold what a film looks like from afar, not its grain. So the first step folds 8 x 8 pixels
    into 64 channels (no pixel is lost), all convolutions run at 1/8 of the image size or below, and the
    decoder paints at 1/4: at 224 x 224 an image costs some 0.1 GFLOP, which a CPU can train.

    The linear path is a linear VAE, whose best weights are known in closed form: probabilistic PCA. Training
    starts there (`start_from_ppca`) with convolutions that add nothing yet, and improves from there; a few
    hundred films suffice, of which convolutions alone would learn less than PCA does.
    Exposure is standardised inside `means`, so no caller can forget it.
    """

    def __init__(self, latent_dim: int, image_size: int, width: int) -> None:
        super().__init__()
        grid = image_size // STRIDE
        self.cells = image_size // CELL
        w = width
        self.linear_encoder = nn.Linear(self.cells**2, latent_dim)
        self.linear_decoder = nn.Linear(latent_dim, self.cells**2)
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(8),
            _convolution(64, w),
            _convolution(w, 2 * w, stride=2),
            _convolution(2 * w, 4 * w, stride=2),
            nn.Flatten(),
        )
        self.head = nn.Linear(4 * w * grid * grid, 2 * latent_dim)  # means, then log variances
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, 4 * w * grid * grid),
            nn.Unflatten(1, (4 * w, grid, grid)),
            nn.SiLU(),
            nn.Upsample(scale_factor=2),
            _convolution(4 * w, 2 * w),
            nn.Upsample(scale_factor=2),
            _convolution(2 * w, w),
        )
        self.painter = nn.Conv2d(w, 4, 3, padding=1)  # four pixels of each cell of the decoder's last layer
        self.picture_metric: torch.Tensor  # set at the end of training, see `encoders.latent_metric`
        self.register_buffer("picture_metric", torch.eye(latent_dim))

    def encode(self, standardised: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log variance of q(z | x): (N, 1, H, W) standardised -> two (N, latent_dim)."""
        mean, log_variance = self.head(self.encoder(standardised)).float().chunk(2, dim=1)
        linear = self.linear_encoder(cell_means(standardised)).float()
        return linear + mean, log_variance.clamp(-12, 6)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """Mean of p(x | z): (N, latent_dim) -> standardised picture (N, 1, H / 4, W / 4)."""
        coarse = self.linear_decoder(latent).reshape(-1, 1, self.cells, self.cells)
        linear = nn.functional.interpolate(coarse, scale_factor=CELL // OUT_STRIDE, mode="bilinear")
        return linear + nn.functional.pixel_shuffle(self.painter(self.decoder(latent)), 2)

    def means(self, images: torch.Tensor) -> torch.Tensor:
        """Latent means of images (N, 1, H, W) in [0, 1], any exposure."""
        return self.encode(standardise(images))[0]


def cell_means(standardised: torch.Tensor) -> torch.Tensor:
    """Means over cells of 8 x 8 pixels: (N, 1, H, W) -> (N, H / 8 * W / 8)."""
    return nn.functional.avg_pool2d(standardised, CELL).flatten(1)


@torch.no_grad()
def start_from_ppca(network: VAENetwork, cells: torch.Tensor) -> None:
    """Set `network` to the linear VAE that fits best: probabilistic PCA of `cells`, (N, P) from `cell_means`.

    With eigenvalues l_i and eigenvectors u_i of the covariance and the mean s2 of the eigenvalues left out,
    the decoder's columns are sqrt(l_i - s2) u_i, the posterior mean of z_i is sqrt(l_i - s2) u_i (x - m)
    / l_i and its variance s2 / l_i (Tipping & Bishop 1999; Lucas et al. 2019 for the VAE). The last layers of
    the convolutional path become zero. Latent dimensions beyond min(N - 1, P - 1) start without meaning.
    """
    n, n_cells = cells.shape
    mean = cells.double().mean(0)
    _, singular, vectors = torch.linalg.svd(cells.double() - mean, full_matrices=False)
    eigenvalues = singular.square() / (n - 1)
    q = min(network.linear_encoder.out_features, n - 1, n_cells - 1)
    # With hardly more films than dimensions nothing is left out; a thousandth of the first keeps it finite.
    rest = torch.maximum(eigenvalues[q:].sum() / (n_cells - q), 1e-3 * eigenvalues[0] + 1e-12)
    kept = torch.maximum(eigenvalues[:q], rest)
    scale = (kept - rest).sqrt()
    for parameter in (*network.linear_encoder.parameters(), *network.linear_decoder.parameters()):
        parameter.zero_()
    network.linear_encoder.weight[:q] = (vectors[:q] * (scale / kept)[:, None]).float()
    network.linear_encoder.bias.copy_(-network.linear_encoder.weight.double() @ mean)
    network.linear_decoder.weight[:, :q] = (vectors[:q] * scale[:, None]).T.float()
    network.linear_decoder.bias.copy_(mean)
    for parameter in (*network.head.parameters(), *network.painter.parameters()):
        parameter.zero_()
    latent_dim = network.linear_encoder.out_features
    network.head.bias[latent_dim : latent_dim + q] = torch.log(rest / kept).float()


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.SiLU()
    )


def elbo_terms(
    network: VAENetwork, images: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Mean squared error per pixel, KL divergence per image, and pixels per picture of one batch.

    `images`: float (N, 1, H, W) in [0, 1]; the latent is drawn once per image with `generator`.
    """
    standardised = standardise(images)
    target = nn.functional.avg_pool2d(standardised, OUT_STRIDE)
    mean, log_variance = network.encode(standardised)
    noise = torch.randn(mean.shape, generator=generator, device=mean.device)
    painted = network.decode(mean + noise * (log_variance / 2).exp()).float()
    mse = (painted - target).square().mean()
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
    return mse, kl, target[0].numel()


def sigma_vae_loss(mse: torch.Tensor, kl: torch.Tensor, n_pixels: int, beta: float = 1.0) -> torch.Tensor:
    """Negative ELBO per pixel with a calibrated Gaussian decoder (sigma-VAE; Rybkin et al., ICML 2021).

    One decoder variance is shared by all pixels and takes its optimum, the batch's mean squared error, so
    that -log p(x | z) = n_pixels / 2 * (log(2 pi mse) + 1): the balance of reconstruction and KL needs no
    tuning. `beta` in [0, 1] is the KL warm-up.
    """
    reconstruction = 0.5 * n_pixels * (torch.log(2 * math.pi * mse.clamp(min=1e-8)) + 1)
    return (reconstruction + beta * kl) / n_pixels
