"""One training of the VAE as lightning sees it: loss, optimiser, record of the epochs."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import lightning
import torch

from cxrneighbors.encoders.vae_network import VAENetwork, augment, elbo_terms, sigma_vae_loss
from cxrneighbors.errors import UserError


@dataclass(frozen=True)
class TrainingSettings:
    """What a training depends on besides its images; a checkpoint is continued only under the same."""

    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 1e-3
    warmup: float = 0.3  # fraction of the steps over which the KL weight rises from 0 to 1
    patience: int = 8  # epochs without a better validation loss, counted from the end of the warm-up
    augmentation: bool = True
    seed: int = 0


class VAEModule(lightning.LightningModule):
    """Loss, optimiser and record of one training.

    Random numbers come from generators seeded by (seed, epoch), so an epoch that is repeated after an
    interruption draws what it would have drawn.
    """

    def __init__(self, network: VAENetwork, settings: TrainingSettings) -> None:
        super().__init__()
        self.network = network
        self.settings = settings
        self.history: list[dict[str, float]] = []
        self.best_loss = math.inf
        self.best_weights: dict[str, torch.Tensor] = {}
        self._started = time.monotonic()

    def on_train_epoch_start(self) -> None:
        """Seed the epoch's augmentation and noise."""
        self._started = time.monotonic()
        self._generator = self._seeded(self.current_epoch)

    def training_step(self, images: torch.Tensor, index: int) -> torch.Tensor:
        """Loss of one batch; the KL weight rises linearly during the warm-up."""
        if self.settings.augmentation:
            images = augment(images, self._generator)
        mse, kl, n_pixels = elbo_terms(self.network, images, self._generator)
        loss = sigma_vae_loss(mse, kl, n_pixels, self._beta())
        self._record("train", len(images), loss=loss, mse=mse, kl=kl)
        return loss

    def on_validation_epoch_start(self) -> None:
        """The same noise at every validation: its loss moves only with the network."""
        self._val_generator = self._seeded(-1)

    def validation_step(self, images: torch.Tensor, index: int) -> None:
        """Loss of one batch at full KL weight, without augmentation."""
        mse, kl, n_pixels = elbo_terms(self.network, images, self._val_generator)
        self._record("val", len(images), loss=sigma_vae_loss(mse, kl, n_pixels), mse=mse, kl=kl)

    def on_train_epoch_end(self) -> None:
        """Note the epoch; keep the weights with the least validation loss."""
        values = {name: float(value) for name, value in self.trainer.callback_metrics.items()}
        row = {"epoch": float(self.current_epoch), "beta": self._beta()}
        self.history.append({**row, **values, "seconds": time.monotonic() - self._started})
        if not math.isfinite(values["train_loss"]):
            raise UserError("VAE training: the loss is no longer finite; lower learning_rate")
        if values["val_loss"] < self.best_loss:
            self.best_loss = values["val_loss"]
            self.best_weights = {
                name: tensor.detach().cpu().clone() for name, tensor in self.network.state_dict().items()
            }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep record and best weights in the checkpoint."""
        checkpoint["record"] = {
            "history": self.history,
            "best_loss": self.best_loss,
            "best_weights": self.best_weights,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up record and best weights again."""
        record = checkpoint["record"]
        self.history = list(record["history"])
        self.best_loss = float(record["best_loss"])
        self.best_weights = dict(record["best_weights"])

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
        return min(1.0, self.global_step / max(1.0, self.settings.warmup * self._steps()))

    def _seeded(self, epoch: int) -> torch.Generator:
        seed = (self.settings.seed * 100_003 + epoch + 1) * 1009 + self.global_rank
        return torch.Generator(device=self.device).manual_seed(seed)

    def _record(self, stage: str, n: int, **values: torch.Tensor) -> None:
        named = {f"{stage}_{name}": value for name, value in values.items()}
        self.log_dict(named, on_step=False, on_epoch=True, prog_bar=True, batch_size=n, sync_dist=True)


def learning_rate_factor(step: int, steps: int) -> float:
    """Factor in (0, 1] on the learning rate at `step` of `steps`: up in a line, down along a cosine.

    >>> [round(learning_rate_factor(step, 10), 2) for step in (0, 1, 2, 6, 9)]
    [0.5, 1.0, 1.0, 0.5, 0.04]
    """
    rise = max(1.0, 0.2 * steps)
    if step < rise:
        return min(1.0, (step + 1) / rise)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rise) / max(1.0, steps - rise))))
