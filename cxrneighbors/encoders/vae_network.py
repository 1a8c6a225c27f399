"""The VAE's network and its loss: pure torch, no training loop."""

from __future__ import annotations

import math

import torch
from torch import nn

from cxrneighbors.encoders.vae_picture import Picture

STRIDE = 32  # the image size has to be a multiple: 8 (first step) x 2 x 2 (two convolutions of stride 2)
FOLD = 8  # the convolutions see 8 x 8 pixels as channels
FULL = 2000  # films up to which all principal components are computed; of more, the first ones


class VAENetwork(nn.Module):
    """Variational autoencoder (Kingma & Welling 2014) with a linear and a convolutional path side by side.

    Sixty numbers hold what a film looks like from afar, not its grain. So the first step folds 8 x 8 pixels
    into 64 channels (no pixel is lost), and all convolutions run at 1/8 of the image size or below: at
    224 x 224 an image costs some 0.1 GFLOP, which a CPU can train.

    The linear path is a linear VAE, whose best weights are known in closed form: probabilistic PCA. Training
    starts there (`start_from_ppca`) with convolutions that add nothing yet, and improves from there; a few
    hundred films suffice, of which convolutions alone would learn less than PCA does.
    Exposure is treated inside `means`, so no caller can forget it (`Picture`).
    """

    def __init__(self, latent_dim: int, image_size: int, width: int, picture: Picture) -> None:
        super().__init__()
        grid = image_size // STRIDE
        self.picture = picture
        self.shape = (picture.channels, image_size // picture.stride, image_size // picture.stride)
        w, n = width, math.prod(self.shape)
        self.linear_encoder = nn.Linear(n, latent_dim)
        self.linear_decoder = nn.Linear(latent_dim, n)
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(FOLD),
            _convolution(FOLD**2, w),
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
        cell = FOLD // picture.stride  # pixels of the picture a side that the last layer's cells stand for
        self.painter = nn.Conv2d(w, picture.channels * cell**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(cell)
        self.picture_metric: torch.Tensor  # set at the end of training, see `encoders.latent_metric`
        self.register_buffer("picture_metric", torch.eye(latent_dim))

    def encode(self, shown: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log variance of q(z | x): (N, 1, H, W) as `picture.shown` -> two (N, latent_dim)."""
        mean, log_variance = self.head(self.encoder(shown)).float().chunk(2, dim=1)
        linear = self.linear_encoder(self.picture.of(shown).flatten(1)).float()
        return linear + mean, log_variance.clamp(-12, 6)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """Mean of p(x | z): (N, latent_dim) -> picture (N, channels, H / stride, W / stride)."""
        linear: torch.Tensor = self.linear_decoder(latent).reshape(-1, *self.shape)
        picture: torch.Tensor = linear + self.shuffle(self.painter(self.decoder(latent)))
        return picture

    def means(self, images: torch.Tensor) -> torch.Tensor:
        """Latent means of images (N, 1, H, W) in [0, 1], any exposure."""
        mean, _ = self.encode(self.picture.shown(images))
        return mean

    def pictures(self, images: torch.Tensor) -> torch.Tensor:
        """What the decoder has to paint of images (N, 1, H, W) in [0, 1]: (N, pixels), flat."""
        return self.picture.of(self.picture.shown(images)).flatten(1)


@torch.no_grad()
def start_from_ppca(network: VAENetwork, pictures: torch.Tensor, beta: float = 1.0) -> None:
    """Set `network` to the linear VAE that fits best: probabilistic PCA of `pictures`, (N, P), flat.

    With eigenvalues l_i and eigenvectors u_i of the covariance and the mean s2 of the eigenvalues left out,
    times `beta`, the weight of the KL term, the decoder's columns are sqrt(l_i - s2) u_i, the posterior mean
    of z_i is sqrt(l_i - s2) u_i (x - m) / l_i and its variance s2 / l_i (Tipping & Bishop 1999; Lucas et al.
    2019 for the VAE). The last layers of the convolutional path become zero. Latent dimensions beyond
    min(N - 1, P - 1) and those with l_i < s2 start without meaning.
    """
    n, n_pixels = pictures.shape
    mean = pictures.double().mean(0)
    latent_dim = network.linear_encoder.out_features
    q = min(latent_dim, n - 1, n_pixels - 1)
    centred = pictures - mean.float()
    vectors, eigenvalues = _components(centred, q)
    left = (centred.double().square().sum() / (n - 1) - eigenvalues.sum()).clamp(min=0)
    # With hardly more films than dimensions nothing is left out; a thousandth of the first keeps it finite.
    rest = beta * torch.maximum(left / (n_pixels - q), 1e-3 * eigenvalues[0] + 1e-12)
    kept = torch.maximum(eigenvalues, rest)
    scale = (kept - rest).sqrt()
    for parameter in (*network.linear_encoder.parameters(), *network.linear_decoder.parameters()):
        parameter.zero_()
    network.linear_encoder.weight[:q] = (vectors * (scale / kept)[:, None]).float()
    network.linear_encoder.bias.copy_(-network.linear_encoder.weight.double() @ mean)
    network.linear_decoder.weight[:, :q] = (vectors * scale[:, None]).T.float()
    network.linear_decoder.bias.copy_(mean)
    for parameter in (*network.head.parameters(), *network.painter.parameters()):
        parameter.zero_()
    network.head.bias[latent_dim : latent_dim + q] = torch.log(rest / kept).float()


def _components(centred: torch.Tensor, q: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first q principal components of centred rows (N, P), (q, P), and their variances (q,), double."""
    if min(centred.shape) <= FULL:
        _, singular, vectors = torch.linalg.svd(centred.double(), full_matrices=False)
    else:
        from sklearn.utils.extmath import randomized_svd

        _, values, found = randomized_svd(centred.cpu().numpy(), q, random_state=0)
        singular, vectors = torch.from_numpy(values).double(), torch.from_numpy(found).double()
    return vectors[:q], singular[:q].square() / (len(centred) - 1)


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.GroupNorm(math.gcd(8, outputs), outputs),
        nn.SiLU(),
    )


def elbo_terms(
    network: VAENetwork, images: torch.Tensor, noise: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Mean squared error per pixel, KL divergence per image, and pixels per picture of one batch.

    `images`: float (N, 1, H, W) in [0, 1]; `noise`: standard normal (N, latent_dim), by which each image's
    latent is drawn once.
    """
    shown = network.picture.shown(images)
    target = network.picture.of(shown)
    mean, log_variance = network.encode(shown)
    painted = network.decode(mean + noise * (log_variance / 2).exp()).float()
    mse = (painted - target).square().mean()
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
    return mse, kl, target[0].numel()


def sigma_vae_loss(mse: torch.Tensor, kl: torch.Tensor, n_pixels: int, beta: float = 1.0) -> torch.Tensor:
    """Negative ELBO per pixel with a calibrated Gaussian decoder (sigma-VAE; Rybkin et al., ICML 2021).

    One decoder variance is shared by all pixels and takes its optimum, the batch's mean squared error, so
    that -log p(x | z) = n_pixels / 2 * (log(2 pi mse) + 1): the balance of reconstruction and KL needs no
    tuning. `beta` weighs the KL term: its warm-up, times that of the training (1: the ELBO itself).
    """
    reconstruction = 0.5 * n_pixels * (torch.log(2 * math.pi * mse.clamp(min=1e-8)) + 1)
    return (reconstruction + beta * kl) / n_pixels
