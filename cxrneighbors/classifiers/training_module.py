"""What one training step, one validation pass and one optimiser are, for any classifier."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, ReduceLROnPlateau

from cxrneighbors.classifiers.base import Classifier, evaluating
from cxrneighbors.classifiers.overlap_loss import RecentFilms, overlap_loss
from cxrneighbors.classifiers.scoring import headline, score_multi_label, score_single_label
from cxrneighbors.errors import UserError, choose
from cxrneighbors.training.augment import augment_for_classifier, augment_strongly
from cxrneighbors.training.module import TrainingModule
from cxrneighbors.training.settings import TrainingSettings, check_rate
from cxrneighbors.training.shared import gathered, shared_means

OPTIMISERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "plateau", "cosine", "one-cycle")
AUGMENTATIONS = ("none", "light", "strong")
KEPT = ("best", "last")
PRECISIONS = {"auto": None, "float32": "32-true", "bfloat16": "bf16-mixed"}  # as Lightning calls them
LATER = {"overlap": 0, "keep": "best", "mixup": 0, "precision": "auto"}
RISE = 0.15  # of the steps of 'one-cycle'
RECENT_BATCHES = 16  # whose films the overlap loss compares with


@dataclass(frozen=True, kw_only=True)
class ClassifierSettings(TrainingSettings):
    """How a classifier is trained.

    `lr`: the greatest; `schedule`: 'constant', 'plateau' (a tenth whenever the validation loss has not fallen
    for two epochs, as CheXNet), 'cosine' (to zero over `epochs`) or 'one-cycle' (step by step up over the
    first 15 % of them, then down to about zero along a cosine: Smith & Topin 2019). `weight_decay`: of
    matrices and filters, not of biases and norms. `clip`: greatest norm of a gradient, 0 for any. `average`:
    decay a step of a moving average of the weights, which is then what is validated and kept; 0 for none,
    0.998 is usual. `class_weights`: 'none', or 'balanced' to weigh rare labels up. `augment`: 'none', 'light'
    (small shifts, turns and exposures) or 'strong' (`training.augment`); `flip`: mirrored too. `overlap`:
    weight of `overlap_loss` beside the labels' loss, which makes films lie near each other by how many labels
    they share: for a classifier that is to be an encoder; 0 for none. `keep`: the weights of the 'best' epoch
    by validation loss, or the 'last': for a schedule that ends at zero, where few films validate. `mixup`:
    alpha of the Beta distribution by which pairs of training films and their labels are blended (Zhang et al.
    2018), 0 for none; 0.4 is usual for networks that learn a few thousand films by heart. `precision`: 'auto'
    is mixed on a GPU and float32 on a CPU; 'bfloat16' is mixed on both: up to twice as fast on a CPU that has
    instructions for it; 'float32'.
    """

    epochs: int = 10
    batch_size: int = 32
    patience: int = 5
    lr: float = 1e-3
    optimiser: str = "adam"
    weight_decay: float = 0.0
    clip: float = 0.0
    average: float = 0.0
    schedule: str = "constant"
    class_weights: str = "none"
    augment: str = "light"
    flip: bool = False
    overlap: float = 0.0
    keep: str = "best"
    mixup: float = 0.0
    precision: str = "auto"

    def __post_init__(self) -> None:
        choose("optimiser", self.optimiser, OPTIMISERS)
        choose("schedule", self.schedule, SCHEDULES)
        choose("class weights", self.class_weights, ("none", "balanced"))
        choose("augmentation", self.augment, AUGMENTATIONS)
        choose("weights to keep", self.keep, KEPT)
        choose("precision", self.precision, tuple(PRECISIONS))
        self.check_least(weight_decay=0, clip=0, average=0, overlap=0, mixup=0)
        check_rate(self.lr)
        if self.average >= 1:
            raise UserError(f"average {self.average}: must be below 1; 0.998 is usual, 0 for none")

    def plan(self) -> dict[str, Any]:
        """All but when to stop; of the schedules only those that end at zero depend on `epochs`."""
        ends_at_zero = self.schedule in ("cosine", "one-cycle")
        left_out = {"patience"} if ends_at_zero else {"patience", "epochs"}
        # Trainings from before these were there go on.
        left_out |= {name for name, usual in LATER.items() if vars(self)[name] == usual}
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
        super().__init__(network, settings, settings.average)
        self.clip = settings.clip
        self.weights: Tensor | None
        self.register_buffer(
            "weights", None if weights is None else torch.from_numpy(weights), persistent=False
        )
        self.recent: RecentFilms | None = None
        if settings.overlap:
            size = RECENT_BATCHES * settings.batch_size
            self.recent = RecentFilms(feature_dim(network), len(network.labels), size)
        self._outputs: list[tuple[Tensor, Tensor]] = []
        self._trained, self._trained_until = 0, 0.0

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights are kept."""
        return len(self.history) if self.settings.keep == "last" else super().best_epoch

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of logits (B, C), in float32 whatever the precision they came in."""
        weights = None if self.weights is None else self.weights.to(logits.device)
        if self.network.multi_label:
            return F.binary_cross_entropy_with_logits(logits.float(), targets.float(), pos_weight=weights)
        return F.cross_entropy(logits.float(), targets, weight=weights)

    def overlap_loss(self, recent: RecentFilms, features: Tensor, targets: Tensor) -> Tensor:
        """How far likeness of features (B, D) is from overlap of labels, among batch and recent films."""
        labels = self._hot(targets)
        found = overlap_loss(features, labels, *recent.get())
        recent.add(features, labels)
        return found

    def _hot(self, targets: Tensor) -> Tensor:
        """Targets as float (B, C), 1 for each label that a film has."""
        if self.network.multi_label:
            return targets.float()
        return F.one_hot(targets, len(self.network.labels)).float()

    def on_train_epoch_start(self) -> None:
        """Start counting images."""
        super().on_train_epoch_start()
        self._trained = 0

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """Loss of one batch (images (B, 1, H, W), targets), augmented."""
        images, targets = batch
        rng, flip = self.seed_step(index), self.settings.flip
        if self.settings.augment == "light":
            images = augment_for_classifier(images, rng, flip)
        elif self.settings.augment == "strong":
            images = augment_strongly(images, rng, flip)
        seen, wanted = images, targets
        if self.settings.mixup:
            seen, wanted = mixed(images, self._hot(targets), rng, self.settings.mixup)
        features = self.network.features(seen)
        loss = self.loss(self.network.classify(features), wanted)
        if self.recent is not None:
            loss = loss + self.settings.overlap * self.overlap_loss(self.recent, features, targets)
        total, (loss,) = shared_means(len(images), [loss])
        self.note("train", len(images), loss=loss)
        self._trained += total
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Look at the clock."""
        super().on_train_batch_end(outputs, batch, batch_idx)
        self._trained_until = time.monotonic()

    def epoch_row(self) -> dict[str, float]:
        """Images trained on a second, reading included, validation not."""
        return {"images_per_second": round(self._trained / (self._trained_until - self._began), 3)}

    def on_validation_epoch_start(self) -> None:
        """Start collecting."""
        self._outputs.clear()

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        """Collect logits and targets; scores need all of them."""
        images, targets = batch
        # Full precision: in 16 bits many scores tie, which moves an AUROC.
        with torch.autocast(self.device.type, enabled=False):
            self._outputs.append((self.evaluated(images).float(), targets))

    def on_validation_epoch_end(self) -> None:
        """Score the validation images; NaN where a score is undefined."""
        logits, targets = (gathered(torch.cat(parts)) for parts in zip(*self._outputs, strict=True))
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
        """Step by step for a cycle; `on_train_epoch_end` has done it for what changes with the epoch."""
        if isinstance(scheduler, OneCycleLR):
            scheduler.step()

    def scores(self, logits: Tensor, targets: Tensor) -> dict[str, Any]:
        """`scoring` of logits (N, C), on the CPU."""
        score = score_multi_label if self.network.multi_label else score_single_label
        return score(self.network.activate(logits).cpu(), targets.cpu(), self.network.labels)

    def configure_optimizers(self) -> Any:
        """The optimiser and schedule that `ClassifierSettings` names."""
        given = self.settings
        optimiser = _optimiser(_parameter_groups(self.network, given.weight_decay), given)
        if given.schedule == "one-cycle":
            steps = max(1, int(self.trainer.estimated_stepping_batches))
            cycle = OneCycleLR(optimiser, given.lr, total_steps=steps, pct_start=RISE)
            return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}
        if given.schedule == "cosine":
            return {"optimizer": optimiser, "lr_scheduler": CosineAnnealingLR(optimiser, T_max=given.epochs)}
        if given.schedule == "plateau":
            plateau = ReduceLROnPlateau(optimiser, factor=0.1, patience=2)
            return {"optimizer": optimiser, "lr_scheduler": {"scheduler": plateau, "monitor": "val_loss"}}
        return optimiser


def mixed(images: Tensor, targets: Tensor, rng: np.random.Generator, alpha: float) -> tuple[Tensor, Tensor]:
    """Each film of a batch blended with another: images (B, ...) and targets float (B, C), the same shapes.

    One share for the batch, at least a half of each film's own, from Beta(alpha, alpha) (Zhang et al. 2018).
    """
    share = float(rng.beta(alpha, alpha))
    share = max(share, 1 - share)
    other = torch.from_numpy(rng.permutation(len(images))).to(images.device)
    return share * images + (1 - share) * images[other], share * targets + (1 - share) * targets[other]


def feature_dim(network: Classifier) -> int:
    """Length of a feature vector of `network`."""
    device = next(network.parameters()).device
    with evaluating(network), torch.inference_mode():
        blank = torch.zeros(1, 1, network.image_size, network.image_size, device=device)
        return int(network.features(blank).shape[1])


def _parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices and filters with `weight_decay`; vectors, which are biases and norms, without."""
    trained = [value for value in network.parameters() if value.requires_grad]
    matrices = [value for value in trained if value.ndim > 1]
    vectors = [value for value in trained if value.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]


def _optimiser(groups: list[dict[str, Any]], given: ClassifierSettings) -> torch.optim.Optimizer:
    if given.optimiser == "sgd":
        return torch.optim.SGD(groups, given.lr, momentum=0.9)
    kind = torch.optim.AdamW if given.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, given.lr)
