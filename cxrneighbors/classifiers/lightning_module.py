"""What one training step, one validation pass and one optimiser are, for any classifier."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cxrneighbors.classifiers.augmentation import augment
from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.scoring import headline, score_multi_label, score_single_label
from cxrneighbors.errors import choose
from cxrneighbors.progress import say

OPTIMISERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "plateau", "cosine")


@dataclass(frozen=True)
class TrainingSettings:
    """How a classifier is trained.

    `lr` at the start; `schedule`: 'constant', 'plateau' (a tenth whenever the validation loss has not
    fallen for two epochs, as CheXNet) or 'cosine' (to zero over `epochs`). `class_weights`: 'none', or
    'balanced' to weigh rare labels up. `augment`: small shifts, turns and exposures; `flip`: mirrored too.
    """

    epochs: int = 10
    batch_size: int = 32
    lr: float = 1e-3
    optimiser: str = "adam"
    weight_decay: float = 0.0
    schedule: str = "constant"
    class_weights: str = "none"
    augment: bool = True
    flip: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        choose("optimiser", self.optimiser, OPTIMISERS)
        choose("schedule", self.schedule, SCHEDULES)
        choose("class weights", self.class_weights, ("none", "balanced"))

    def identity(self) -> dict[str, Any]:
        """What a resumed training must share with the interrupted one; only a cosine depends on `epochs`."""
        values = asdict(self)
        return values if self.schedule == "cosine" else {k: v for k, v in values.items() if k != "epochs"}


class LightningClassifier(pl.LightningModule):
    """Trains `model` with binary cross-entropy (multi-label) or cross-entropy (single-label).

    `weights`: float32 (C,) from `training_data.label_weights`, or None. `history` collects one dict an
    epoch and travels with the checkpoints.
    """

    def __init__(
        self, model: Classifier, settings: TrainingSettings, weights: np.ndarray | None = None
    ) -> None:
        super().__init__()
        self.model, self.settings = model, settings
        self.history: list[dict[str, Any]] = []
        self.epochs_timed = 0  # of this process; a resumed training's history holds earlier ones too
        self.register_buffer(
            "weights", None if weights is None else torch.from_numpy(weights), persistent=False
        )
        self._train_losses: list[Tensor] = []
        self._outputs: list[tuple[Tensor, Tensor]] = []

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of logits (B, C), in float32 whatever the precision they came in."""
        weights: Any = self.weights
        if self.model.multi_label:
            return F.binary_cross_entropy_with_logits(logits.float(), targets.float(), pos_weight=weights)
        return F.cross_entropy(logits.float(), targets, weight=weights)

    def on_train_epoch_start(self) -> None:
        """Start collecting losses."""
        self._train_losses.clear()

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """Loss of one batch (images (B, 1, H, W), targets), augmented.

        Augmentation and dropout are drawn from (seed, epoch, index), so that a resumed training draws what
        an uninterrupted one would have. `train_classifier` has set the outer generator's state aside.
        """
        images, targets = batch
        rng = np.random.default_rng([self.settings.seed, self.current_epoch, index])
        torch.manual_seed(int(rng.integers(2**31)))
        if self.settings.augment:
            images = augment(images, rng, flip=self.settings.flip)
        loss = self.loss(self.model(images), targets)
        self._train_losses.append(loss.detach())
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        """Collect logits and targets; scores need all of them."""
        images, targets = batch
        # Full precision: in 16 bits many scores tie, which moves an AUROC.
        with torch.autocast(self.device.type, enabled=False):
            self._outputs.append((self.model(images).float(), targets))

    def on_validation_epoch_start(self) -> None:
        """Start collecting."""
        self._outputs.clear()

    def on_validation_epoch_end(self) -> None:
        """Score the validation images and log what early stop, checkpoints and schedule watch."""
        logits, targets = (torch.cat(parts) for parts in zip(*self._outputs, strict=True))
        loss = self.loss(logits, targets)
        self.log("val_loss", loss)
        self._validation = {"val_loss": float(loss), **self.scores(logits, targets)}

    def on_train_epoch_end(self) -> None:
        """Write the epoch into the history and tell the user."""
        entry: dict[str, Any] = {
            "epoch": self.current_epoch + 1,
            "train_loss": float(torch.stack(self._train_losses).mean()),
        }
        line = f"epoch {entry['epoch']}/{self.settings.epochs}: loss {entry['train_loss']:.4f}"
        validation = self.__dict__.pop("_validation", None)
        if validation:
            name, value = headline(validation)
            entry |= {"val_loss": validation["val_loss"], f"val_{name.replace(' ', '_').lower()}": value}
            shown = "undefined" if value is None else f"{value:.3f}"
            line += f", validation loss {validation['val_loss']:.4f}, {name} {shown}"
        self.history.append(entry)
        self.epochs_timed += 1
        say(line)

    def scores(self, logits: Tensor, targets: Tensor) -> dict[str, Any]:
        """`scoring` of logits (N, C), on the CPU."""
        score = score_multi_label if self.model.multi_label else score_single_label
        return score(self.model.activate(logits).cpu(), targets.cpu(), self.model.labels)

    def configure_optimizers(self) -> Any:
        """The optimiser and schedule that `TrainingSettings` names."""
        given = self.settings
        parameters = [value for value in self.model.parameters() if value.requires_grad]
        options: dict[str, Any] = {"lr": given.lr, "weight_decay": given.weight_decay}
        optimiser: torch.optim.Optimizer
        if given.optimiser == "sgd":
            optimiser = torch.optim.SGD(parameters, momentum=0.9, **options)
        else:
            kind = torch.optim.AdamW if given.optimiser == "adamw" else torch.optim.Adam
            optimiser = kind(parameters, **options)
        if given.schedule == "cosine":
            cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=given.epochs)
            return {"optimizer": optimiser, "lr_scheduler": cosine}
        if given.schedule == "plateau":
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.1, patience=2)
            return {"optimizer": optimiser, "lr_scheduler": {"scheduler": plateau, "monitor": "val_loss"}}
        return optimiser

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the history."""
        checkpoint["history"] = self.history

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the history."""
        self.history = list(checkpoint["history"])
