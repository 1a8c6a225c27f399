"""What one training step, one validation pass and one optimiser are, for any classifier."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau

from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.scoring import headline, score_multi_label, score_single_label
from cxrneighbors.errors import choose
from cxrneighbors.training.augment import augment_for_classifier
from cxrneighbors.training.module import TrainingModule
from cxrneighbors.training.settings import TrainingSettings

OPTIMISERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "plateau", "cosine")


@dataclass(frozen=True, kw_only=True)
class ClassifierSettings(TrainingSettings):
    """How a classifier is trained.

    `lr` at the start; `schedule`: 'constant', 'plateau' (a tenth whenever the validation loss has not
    fallen for two epochs, as CheXNet) or 'cosine' (to zero over `epochs`). `class_weights`: 'none', or
    'balanced' to weigh rare labels up. `augment`: small shifts, turns and exposures; `flip`: mirrored too.
    """

    epochs: int = 10
    batch_size: int = 32
    patience: int = 5
    lr: float = 1e-3
    optimiser: str = "adam"
    weight_decay: float = 0.0
    schedule: str = "constant"
    class_weights: str = "none"
    augment: bool = True
    flip: bool = False

    def __post_init__(self) -> None:
        choose("optimiser", self.optimiser, OPTIMISERS)
        choose("schedule", self.schedule, SCHEDULES)
        choose("class weights", self.class_weights, ("none", "balanced"))

    def plan(self) -> dict[str, Any]:
        """All but when to stop; of the schedules only a cosine depends on `epochs`."""
        left_out = {"patience"} if self.schedule == "cosine" else {"patience", "epochs"}
        return {name: value for name, value in asdict(self).items() if name not in left_out}


class ClassifierTraining(TrainingModule):
    """Trains a classifier with binary cross-entropy (multi-label) or cross-entropy (single-label).

    `weights`: float32 (C,) from `training_data.label_weights`, or None.
    """

    network: Classifier
    settings: ClassifierSettings

    def __init__(
        self, network: Classifier, settings: ClassifierSettings, weights: np.ndarray | None = None
    ) -> None:
        super().__init__(network, settings)
        self.weights: Tensor | None
        self.register_buffer(
            "weights", None if weights is None else torch.from_numpy(weights), persistent=False
        )
        self._outputs: list[tuple[Tensor, Tensor]] = []

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of logits (B, C), in float32 whatever the precision they came in."""
        weights = None if self.weights is None else self.weights.to(logits.device)
        if self.network.multi_label:
            return F.binary_cross_entropy_with_logits(logits.float(), targets.float(), pos_weight=weights)
        return F.cross_entropy(logits.float(), targets, weight=weights)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """Loss of one batch (images (B, 1, H, W), targets), augmented."""
        images, targets = batch
        rng = self.seed_step(index)
        if self.settings.augment:
            images = augment_for_classifier(images, rng, flip=self.settings.flip)
        loss = self.loss(self.network(images), targets)
        self.note("train", len(images), loss=loss)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Start collecting."""
        self._outputs.clear()

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        """Collect logits and targets; scores need all of them."""
        images, targets = batch
        # Full precision: in 16 bits many scores tie, which moves an AUROC.
        with torch.autocast(self.device.type, enabled=False):
            self._outputs.append((self.network(images).float(), targets))

    def on_validation_epoch_end(self) -> None:
        """Score the validation images; NaN where a score is undefined."""
        logits, targets = (torch.cat(parts) for parts in zip(*self._outputs, strict=True))
        name, value = headline(self.scores(logits, targets))
        score = torch.tensor(float("nan") if value is None else value, device=logits.device)
        self.note(
            "val", len(logits), loss=self.loss(logits, targets), **{name.replace(" ", "_").lower(): score}
        )

    def on_train_epoch_end(self) -> None:
        """Step the schedule before the checkpoint is written, which Lightning would do after it."""
        schedule = self.lr_schedulers()
        if isinstance(schedule, ReduceLROnPlateau):
            schedule.step(self.trainer.callback_metrics["val_loss"])
        elif isinstance(schedule, CosineAnnealingLR):
            schedule.step()
        super().on_train_epoch_end()

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Nothing: `on_train_epoch_end` has done it."""

    def scores(self, logits: Tensor, targets: Tensor) -> dict[str, Any]:
        """`scoring` of logits (N, C), on the CPU."""
        score = score_multi_label if self.network.multi_label else score_single_label
        return score(self.network.activate(logits).cpu(), targets.cpu(), self.network.labels)

    def configure_optimizers(self) -> Any:
        """The optimiser and schedule that `ClassifierSettings` names."""
        given = self.settings
        parameters = [value for value in self.network.parameters() if value.requires_grad]
        options: dict[str, Any] = {"lr": given.lr, "weight_decay": given.weight_decay}
        optimiser: torch.optim.Optimizer
        if given.optimiser == "sgd":
            optimiser = torch.optim.SGD(parameters, momentum=0.9, **options)
        else:
            kind = torch.optim.AdamW if given.optimiser == "adamw" else torch.optim.Adam
            optimiser = kind(parameters, **options)
        if given.schedule == "cosine":
            return {"optimizer": optimiser, "lr_scheduler": CosineAnnealingLR(optimiser, T_max=given.epochs)}
        if given.schedule == "plateau":
            plateau = ReduceLROnPlateau(optimiser, factor=0.1, patience=2)
            return {"optimizer": optimiser, "lr_scheduler": {"scheduler": plateau, "monitor": "val_loss"}}
        return optimiser
