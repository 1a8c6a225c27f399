"""What a training is to Lightning: loss and optimiser by its subclass, and the record of its epochs."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from cxrneighbors.errors import UserError
from cxrneighbors.progress import say
from cxrneighbors.training.average import averaged
from cxrneighbors.training.settings import TrainingSettings
from cxrneighbors.training.shared import shared_means


class TrainingModule(lightning.LightningModule):
    """One training of `network`; a subclass adds its steps (which call `note`) and its optimiser.

    `history`: a row an epoch, with its number (from 1), what was noted, and seconds. `best_weights`: the
    state of `evaluated` after the epoch of the least validation loss, empty without validation. Both travel
    with the checkpoints, as does the average. `clip`: greatest norm of a gradient, 0 for any. `average`:
    decay of a moving average of the weights in [0, 1), 0 for none.
    """

    clip: float = 0.0
    network: nn.Module
    settings: TrainingSettings

    def __init__(self, network: nn.Module, settings: TrainingSettings, average: float = 0.0) -> None:
        super().__init__()
        self.network = network
        self.averaged = averaged(network, average) if average else None
        self.settings = settings
        self.history: list[dict[str, Any]] = []
        self.best_weights: dict[str, Tensor] = {}
        self._began = 0.0

    def prepare(self, items: Dataset[Any]) -> None:
        """Called before the first epoch with the training data, not when a training goes on."""

    def epoch_row(self) -> dict[str, float]:
        """What the history says of an epoch beside what was noted."""
        return {}

    def counts_for_patience(self, row: Mapping[str, Any]) -> bool:
        """Whether an epoch without a better validation loss brings the early stop nearer."""
        return True

    @property
    def evaluated(self) -> nn.Module:
        """What is validated and kept: the average of `network` where there is one, else itself."""
        return self.network if self.averaged is None else self.averaged.module

    @property
    def best_epoch(self) -> int:
        """The epoch of the least validation loss; without validation the last one, 0 before the first."""
        has_validation = bool(self.history) and "val_loss" in self.history[0]
        return _argmin(self.history) + 1 if has_validation else len(self.history)

    @property
    def is_settled(self) -> bool:
        """Whether `patience` counted epochs have passed since the least validation loss."""
        rows = [row for row in self.history if "val_loss" in row and self.counts_for_patience(row)]
        patience = self.settings.patience
        return bool(patience and rows) and len(rows) - 1 - _argmin(rows) >= patience

    def note(self, stage: str, n: int, **values: Tensor) -> None:
        """Record means over the epoch of values of a batch of n items, as train_... or val_...

        Of several processes each gives the means over its n items of the batch.
        """
        total, means = shared_means(n, [value.detach() for value in values.values()])
        named = {f"{stage}_{name}": mean for name, mean in zip(values, means, strict=True)}
        # Not `sync_dist`, which rounds the mean of unequal numbers of items.
        self.log_dict(named, on_step=False, on_epoch=True, prog_bar=True, batch_size=total)

    def seed_step(self, index: int) -> np.random.Generator:
        """A generator drawn from (seed, epoch, index), by which torch's own is seeded too.

        So a resumed training draws what an uninterrupted one does; `fit` keeps the outer state apart. Among
        several processes all but the first draw by their number as well.
        """
        own = [self.global_rank] if self.global_rank else []
        rng = np.random.default_rng([self.settings.seed, self.current_epoch, index, *own])
        torch.manual_seed(int(rng.integers(2**31)))
        return rng

    def on_train_start(self) -> None:
        """Train no further where patience had run out before the interruption."""
        self.trainer.should_stop = self.is_settled

    def on_train_epoch_start(self) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Average the weights that the step has left."""
        if self.averaged is not None:
            self.averaged.update_parameters(self.network)

    def on_train_epoch_end(self) -> None:
        """Write the epoch into the history, keep the best weights, stop when patience has run out."""
        noted = {name: float(value) for name, value in self.trainer.callback_metrics.items()}
        row: dict[str, Any] = {"epoch": self.current_epoch + 1, **self.epoch_row(), **noted}
        self.history.append({**row, "seconds": round(time.monotonic() - self._began, 3)})
        if not math.isfinite(noted["train_loss"]):
            raise UserError(
                f"training diverged in epoch {row['epoch']} (its loss is not finite); lower the learning rate"
            )
        if "val_loss" in noted and self.best_epoch == row["epoch"]:
            self.best_weights = {
                name: value.detach().cpu().clone() for name, value in self.evaluated.state_dict().items()
            }
        if self.trainer.is_global_zero:
            seconds = self.history[-1]["seconds"]
            say(f"epoch {row['epoch']} of {self.settings.epochs}: {_shown(row)} ({seconds:.0f} s)")
        if self.is_settled:
            self.trainer.should_stop = True

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep history and best weights in the checkpoint."""
        checkpoint["record"] = {"history": self.history, "best_weights": self.best_weights}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up history and best weights again."""
        self.history = list(checkpoint["record"]["history"])
        self.best_weights = dict(checkpoint["record"]["best_weights"])


def _argmin(rows: list[dict[str, Any]]) -> int:
    return int(np.argmin([math.inf if math.isnan(row["val_loss"]) else row["val_loss"] for row in rows]))


def _shown(row: Mapping[str, Any]) -> str:
    """The losses and scores among an epoch's values."""
    names = {"train_loss": "loss", "val_loss": "validation loss", "val_accuracy": "accuracy"}
    names["val_mean_auroc"] = "mean AUROC"
    return ", ".join(f"{text} {row[name]:.4f}" for name, text in names.items() if name in row)
