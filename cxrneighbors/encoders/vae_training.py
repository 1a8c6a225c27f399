"""Training the VAE: its loss, optimiser and schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from cxrneighbors.encoders.latent_metric import set_picture_metric
from cxrneighbors.encoders.vae_network import (
    VAENetwork,
    elbo_terms,
    sigma_vae_loss,
    start_from_ppca,
)
from cxrneighbors.progress import track
from cxrneighbors.training.augment import augment_for_encoder
from cxrneighbors.training.batches import EpochBatches, batch_loader, even_sizes
from cxrneighbors.training.fit import fit
from cxrneighbors.training.images import FileImages, MemoryImages
from cxrneighbors.training.module import TrainingModule
from cxrneighbors.training.settings import TrainingSettings
from cxrneighbors.training.shared import place_of, processes, shared_means

FIT_BYTES = 2**27  # of pictures that probabilistic PCA is fitted to


@dataclass(frozen=True, kw_only=True)
class VAESettings(TrainingSettings):
    """What a training depends on besides its images; `patience` counts from the end of the warm-up."""

    learning_rate: float
    warmup: float  # fraction of the steps over which the KL weight rises from 0 to beta
    beta: float
    augmentation: bool


class VAETraining(TrainingModule):
    """Loss and optimiser of one training.

    Random numbers come from generators seeded by (seed, epoch), so an epoch that is repeated after an
    interruption draws what it would have drawn. Several processes draw the noise of one, each film its own,
    and augment by themselves.
    """

    clip = 1.0
    network: VAENetwork
    settings: VAESettings

    def prepare(self, items: Dataset[Any]) -> None:
        """Start at the best linear VAE of the training images."""
        assert isinstance(items, MemoryImages | FileImages)
        start_from_ppca(self.network, _pictures(self.network, items), self.settings.beta)

    def on_train_epoch_start(self) -> None:
        """Seed the epoch's augmentation and noise."""
        super().on_train_epoch_start()
        rank, world = processes()
        self._noise = self._seeded(self.current_epoch)
        self._augmenting = self._noise if world == 1 else self._seeded(self.current_epoch, rank + 1)

    def training_step(self, images: Tensor, index: int) -> Tensor:
        """Loss of one batch; the KL weight rises linearly during the warm-up."""
        if self.settings.augmentation:
            images = augment_for_encoder(images, self._augmenting)
        mse, kl, n_pixels = self._terms(images, self._noise)
        loss = sigma_vae_loss(mse, kl, n_pixels, self._beta())
        self.note("train", len(images), loss=loss, mse=mse, kl=kl)
        return loss

    def on_validation_epoch_start(self) -> None:
        """The same noise at every validation: its loss moves only with the network."""
        self._val_noise = self._seeded(-1)

    def validation_step(self, images: Tensor, index: int) -> None:
        """Loss of one batch at full KL weight, without augmentation."""
        mse, kl, n_pixels = self._terms(images, self._val_noise)
        self.note(
            "val", len(images), loss=sigma_vae_loss(mse, kl, n_pixels, self.settings.beta), mse=mse, kl=kl
        )

    def epoch_row(self) -> dict[str, float]:
        """The KL weight."""
        return {"beta": self._beta()}

    def counts_for_patience(self, row: Mapping[str, Any]) -> bool:
        """Only once the KL weight is full: before, the two terms still trade places."""
        return bool(row["beta"] >= self.settings.beta)

    def configure_optimizers(self) -> Any:
        """Adam; the learning rate rises over the first fifth of the steps, then falls to 0 along a cosine."""
        optimizer = torch.optim.Adam(self.network.parameters(), self.settings.learning_rate)
        steps = self._steps()
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_factor(step, steps)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _steps(self) -> int:
        return int(self.trainer.estimated_stepping_batches)

    def _beta(self) -> float:
        risen = min(1.0, self.global_step / max(1.0, self.settings.warmup * self._steps()))
        return self.settings.beta * risen

    def _terms(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, int]:
        """`elbo_terms` of a batch, all its parts in all processes."""
        first, total = place_of(len(images), self.device)
        shape = (total, self.network.linear_encoder.out_features)
        noise = torch.randn(shape, generator=generator, device=self.device)[first : first + len(images)]
        *terms, n_pixels = elbo_terms(self.network, images, noise)
        mse, kl = shared_means(len(images), terms)[1]
        return mse, kl, n_pixels

    def _seeded(self, epoch: int, number: int = 0) -> torch.Generator:
        seed = (self.settings.seed * 100_003 + epoch + 1) * 1009 + number
        return torch.Generator(device=self.device).manual_seed(seed)


def train_vae(
    network: VAENetwork,
    images: tuple[MemoryImages | FileImages, MemoryImages | FileImages],
    settings: VAESettings,
    device: str,
    out: Path | None,
    trainer_options: Mapping[str, Any] | None = None,
    devices: int = 1,
) -> list[dict[str, Any]]:
    """Train `network` in place on `images` (to train, to validate on); return the history.

    It ends with the weights of the least validation loss, on the CPU, its picture metric measured. `out`,
    `trainer_options`, `devices`: as in `training.fit.fit`.
    """
    train, val = images
    n, size = len(train), settings.batch_size
    # Never below the batch size: small batches would leave the shared decoder variance to chance.
    batches = EpochBatches(range(n), even_sizes(n, max(1, n // size)), settings.seed)
    in_order = EpochBatches(range(len(val)), even_sizes(len(val), -(-len(val) // size)), None)
    loaders = [
        batch_loader(items, order, workers=0 if isinstance(items, MemoryImages) else 2)
        for items, order in ((train, batches), (val, in_order))
    ]
    # Channels last: a quarter faster on CPUs, what tensor cores want on GPUs.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    module = VAETraining(network, settings)
    fit(module, loaders[0], loaders[1], device, out, trainer_options, devices)
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    set_picture_metric(network.cpu(), train)
    return module.history


def _pictures(network: VAENetwork, images: MemoryImages | FileImages, chunk: int = 128) -> Tensor:
    """Pictures of training images, evenly spaced, as many as `FIT_BYTES` hold: (N, P)."""
    n = len(images)
    at_most = max(network.linear_encoder.out_features + 2, FIT_BYTES // (4 * math.prod(network.shape)))
    chosen = torch.linspace(0, n - 1, min(n, at_most)).long().tolist()
    parts = [chosen[start : start + chunk] for start in range(0, len(chosen), chunk)]
    return torch.cat([network.pictures(images[part]) for part in track(parts, "fitting the linear path")])


def learning_rate_factor(step: int, steps: int, rise: float = 0.2) -> float:
    """Factor in (0, 1] on the learning rate at `step` of `steps`: up in a line, down along a cosine.

    `rise`: share of the steps on the way up.

    >>> [round(learning_rate_factor(step, 10), 2) for step in (0, 1, 2, 6, 9)]
    [0.5, 1.0, 1.0, 0.5, 0.04]
    """
    up = max(1.0, rise * steps)
    if step < up:
        return min(1.0, (step + 1) / up)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - up) / max(1.0, steps - up))))
