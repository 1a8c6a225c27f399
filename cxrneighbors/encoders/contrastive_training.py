"""Training by momentum contrast (MoCo; He et al. 2020, with the prediction head of MoCo v3)."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from cxrneighbors.encoders.contrastive_network import (
    PROJECTION,
    Branch,
    ContrastiveNetwork,
    KeyQueue,
    contrastive_logits,
    follow,
    two_layers,
)
from cxrneighbors.encoders.contrastive_pairs import Pair, PairBatches, PatientFilms, TrainAndVal
from cxrneighbors.encoders.vae_training import learning_rate_factor
from cxrneighbors.errors import UserError, choose
from cxrneighbors.seeding import seeded
from cxrneighbors.training.batches import batch_loader, even_sizes
from cxrneighbors.training.fit import fit
from cxrneighbors.training.images import MemoryImages
from cxrneighbors.training.module import TrainingModule
from cxrneighbors.training.settings import TrainingSettings
from cxrneighbors.training.views import random_views

POSITIVES = ("film", "patient")
VALIDATION = 1  # sets the draws of validation apart from those of training


@dataclass(frozen=True, kw_only=True)
class ContrastiveSettings(TrainingSettings):
    """What a training depends on besides its films; see `ContrastiveEncoder.fit`."""

    learning_rate: float
    weight_decay: float
    temperature: float
    queue: int
    momentum: float
    positives: str
    patient_share: float

    def __post_init__(self) -> None:
        choose("positives", self.positives, POSITIVES)
        self.check_least(epochs=0, batch_size=2, queue=1, learning_rate=0, patient_share=0, momentum=0)
        if self.patient_share > 1 or self.momentum > 1 or self.temperature <= 0:
            raise UserError(
                f"patient share {self.patient_share}, momentum {self.momentum}, temperature "
                f"{self.temperature}: the first two at most 1, the last above 0; give other values"
            )

    @property
    def share(self) -> float:
        """Chance that the second view is one of another film of the patient."""
        return self.patient_share if self.positives == "patient" else 0.0


class ContrastiveTraining(TrainingModule):
    """Loss, optimiser and momentum of one training.

    `network` is the key encoder's, which follows the query encoder's weights; its batch normalisation takes
    its statistics from the keys. Its last weights are kept, not those of the least validation loss: over a
    few hundred films that loss moves more by which films share a batch than from epoch to epoch.
    `n_films`: how many are trained on; a longer queue would hold a film's key twice.
    """

    clip = 1.0
    network: ContrastiveNetwork
    settings: ContrastiveSettings

    def __init__(self, network: ContrastiveNetwork, settings: ContrastiveSettings, n_films: int) -> None:
        super().__init__(network, settings)
        self.key = Branch(network)
        self.query = copy.deepcopy(self.key)
        self.key.requires_grad_(False)
        self.predictor = two_layers(PROJECTION, PROJECTION)
        self.queue = KeyQueue(min(settings.queue, n_films))
        self.train()

    @property
    def best_epoch(self) -> int:
        """The last one."""
        return len(self.history)

    def on_train_start(self) -> None:
        """Count the steps that there will be."""
        super().on_train_start()
        self._steps = int(self.trainer.estimated_stepping_batches)

    def training_step(self, batch: Pair, index: int) -> Tensor:
        """Loss of one batch of pairs; the key encoder moves before it encodes."""
        follow(self.key, self.query, momentum_at(self.global_step, self._steps, self.settings.momentum))
        queries, keys = self._encoded(batch, self.seed_step(index))
        loss = self._noted("train", queries, keys, batch[2], self.queue)
        self.queue.add(keys, batch[2])
        return loss

    def validation_step(self, batch: Pair, index: int) -> None:
        """The same among the films of the batch alone, in the same views at every validation."""
        rng = np.random.default_rng([self.settings.seed, index, VALIDATION])
        queries, keys = self._encoded(batch, rng)
        self._noted("val", queries, keys, batch[2], None)

    def configure_optimizers(self) -> Any:
        """AdamW, its rate up over a tenth of the steps, then down to 0; no decay of biases and norms."""
        weights = [value for value in self.parameters() if value.requires_grad]
        groups = [
            {
                "params": [value for value in weights if value.ndim > 1],
                "weight_decay": self.settings.weight_decay,
            },
            {"params": [value for value in weights if value.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, self.settings.learning_rate)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = LambdaLR(optimizer, lambda step: learning_rate_factor(step, steps, rise=0.1))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _encoded(self, batch: Pair, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        size, frame = self.network.view_size, self.network.frame
        first, second = (random_views(films, size, rng, frame) for films in batch[:2])
        # Keys have no gradient and bear rounding: bfloat16 takes 0.4 of the time on CPUs that have it.
        fast = self.device.type == "cpu" and bool(torch.cpu.get_capabilities().get("avx512_bf16"))
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=fast):
            keys = self.key(second)
        return F.normalize(self.predictor(self.query(first)).float(), dim=1), keys

    def _noted(
        self, stage: str, queries: Tensor, keys: Tensor, patients: Tensor, queue: KeyQueue | None
    ) -> Tensor:
        logits = contrastive_logits(queries, keys, patients, self.settings.temperature, queue)
        own = torch.arange(len(logits), device=logits.device)
        loss = F.cross_entropy(logits, own)
        self.note(stage, len(logits), loss=loss, accuracy=(logits.argmax(1) == own).float().mean())
        return loss


def train_contrastive(
    network: ContrastiveNetwork,
    films: TrainAndVal,
    settings: ContrastiveSettings,
    device: str,
    out: Path | None,
    trainer_options: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Train `network` in place on `films` (to train, to validate on or None); return the history.

    It ends with its last weights, on the CPU. `out`, `trainer_options`: as in `training.fit.fit`.
    """
    train, val = films
    with seeded(settings.seed):
        module = ContrastiveTraining(network, settings, len(train))
    # Never below the batch size: batch normalisation wants enough films.
    sizes = even_sizes(len(train), max(1, len(train) // settings.batch_size))
    loader = _loader(train, sizes, settings.seed, settings.share)
    val_loader = None
    if val is not None:
        sizes = even_sizes(len(val), -(-len(val) // settings.batch_size))
        val_loader = _loader(val, sizes, None, settings.share)
    fit(module, loader, val_loader, device, out, trainer_options)
    network.cpu().eval()
    return module.history


def momentum_at(step: int, steps: int, start: float) -> float:
    """Momentum of the key encoder: from `start` to 1 along a cosine (Grill et al. 2020, BYOL).

    >>> [round(momentum_at(step, 100, 0.99), 4) for step in (0, 50, 100)]
    [0.99, 0.995, 1.0]
    """
    return 1 - (1 - start) * (math.cos(math.pi * step / steps) + 1) / 2


def _loader(films: PatientFilms, sizes: list[int], seed: int | None, share: float) -> DataLoader[Pair]:
    batches = PairBatches(sizes, seed, films.patients, share)
    return batch_loader(films, batches, workers=0 if isinstance(films.images, MemoryImages) else 2)
