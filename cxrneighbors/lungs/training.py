"""Training a lung segmenter on films with masks."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from cxrneighbors.artifact import Kind
from cxrneighbors.data.pixels import load_images, resize
from cxrneighbors.data.skipped import Skipped, write_skipped
from cxrneighbors.devices import resolve_device
from cxrneighbors.errors import UserError
from cxrneighbors.lungs.augment import augment
from cxrneighbors.lungs.films import read_lung_films, read_lungs
from cxrneighbors.lungs.network import LungNetwork
from cxrneighbors.lungs.segmenter import NOUN, LungSegmenter
from cxrneighbors.models import load_weights
from cxrneighbors.progress import say
from cxrneighbors.training.batches import EpochBatches, batch_loader, full_sizes
from cxrneighbors.training.fit import CHECKPOINTS, fit
from cxrneighbors.training.images import MemoryImages, to_bytes
from cxrneighbors.training.module import TrainingModule
from cxrneighbors.training.settings import TrainingSettings, check_rate

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

TRAINING = Kind("lung segmenter training", 1, "train-lungs")


@dataclass(frozen=True, kw_only=True)
class LungSettings(TrainingSettings):
    """`learning_rate`: the greatest of Adam's, which rises to it and falls again over all steps."""

    learning_rate: float


class LungTraining(TrainingModule):
    """Dice loss and binary cross-entropy in equal parts; masks may be soft at their edges."""

    clip = 1.0
    network: LungNetwork
    settings: LungSettings

    def loss(self, logits: Tensor, lungs: Tensor) -> Tensor:
        """Loss of logits (N, 2, S, S) against lungs (N, 2, S, S) in [0, 1], in float32."""
        from monai.losses.dice import DiceLoss

        overlap = DiceLoss(sigmoid=True, soft_label=True)(logits.float(), lungs)
        return torch.as_tensor(overlap + F.binary_cross_entropy_with_logits(logits.float(), lungs))

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        """Loss of one batch (N, 3, S, S), film and lungs, augmented."""
        changed = augment(batch, self.seed_step(index))
        loss = self.loss(self.network(changed[:, :1]), changed[:, 1:])
        self.note("train", len(batch), loss=loss)
        return loss

    def validation_step(self, batch: Tensor, index: int) -> None:
        """Loss and mean Dice overlap of one batch as it is."""
        logits, lungs = self.network(batch[:, :1]), batch[:, 1:]
        found, true = logits > 0, lungs > 0.5
        overlap = (
            2 * (found & true).sum((1, 2, 3)) / (found.sum((1, 2, 3)) + true.sum((1, 2, 3))).clamp(min=1)
        )
        self.note("val", len(batch), loss=self.loss(logits, lungs), dice=overlap.mean())

    def configure_optimizers(self) -> Any:
        """Adam under a one-cycle schedule."""
        rate, steps = self.settings.learning_rate, int(self.trainer.estimated_stepping_batches)
        optimiser = torch.optim.Adam(self.network.parameters(), rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.2)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def train_lungs(
    root: str | Path,
    out: str | Path,
    *,
    epochs: int = 100,
    batch_size: int = 16,
    learning_rate: float = 4e-3,
    patience: int = 20,
    image_size: int = 128,
    width: int = 12,
    seed: int = 0,
    device: str = "auto",
    resume: bool = True,
) -> LungSegmenter:
    """Train a `LungSegmenter` on the films with masks below `root` (`read_lung_films`); write it to `out`.

    Films of split 'train' train, those of 'val' validate, 'test' is never looked at; `seed` draws the split,
    the weights, the order and the augmentation. Training stops after `patience` epochs without a better
    validation loss (0: never); the weights of the best one are kept.

    `out` gets config.json, model.safetensors, history.csv, skipped.csv, manifest.json and, until it is done,
    checkpoints: with `resume` an interrupted training goes on and a finished one is read back; one with other
    settings or films is a `UserError`. So is a folder without films to train or to validate on.
    """
    settings = LungSettings(
        epochs=epochs, batch_size=batch_size, seed=seed, patience=patience, learning_rate=learning_rate
    )
    settings.check_least(epochs=1, batch_size=1)
    check_rate(learning_rate)
    segmenter = LungSegmenter(image_size, width, seed, device=device)
    skipped = Skipped("train-lungs")
    films = read_lung_films(root, skipped, seed)
    plan = {"model": segmenter.config(), "settings": settings.plan(), "films_hash": _films_hash(films)}
    work = TRAINING.begin(out, plan, not resume, scratch=(CHECKPOINTS,))
    if work.complete:
        shutil.rmtree(work.folder / CHECKPOINTS, ignore_errors=True)  # of a run killed at its very end
        load_weights(segmenter.network, out, NOUN)
        return segmenter
    with work.preparing():
        loaders = [_loader(films, split, settings, image_size, skipped) for split in ("train", "val")]
    write_skipped(skipped, out)
    module = LungTraining(segmenter.network.train(), settings)
    fit(module, loaders[0], loaders[1], resolve_device(device), work.folder)
    segmenter.network.cpu().eval()
    segmenter.save(out)
    best = module.history[module.best_epoch - 1]
    work.finish(
        {"epochs_run": len(module.history), "best_epoch": module.best_epoch, "val_dice": best["val_dice"]}
    )
    shutil.rmtree(work.folder / CHECKPOINTS, ignore_errors=True)
    return segmenter


def _loader(
    films: pd.DataFrame, split: str, settings: LungSettings, size: int, skipped: Skipped
) -> DataLoader[Any]:
    pixels = read_films(films[films["split"] == split], size, skipped)
    say(f"lung masks: {len(pixels)} films of split {split}")
    if not len(pixels):
        raise UserError(f"lung masks: no readable film of split {split!r}; give a folder with more films")
    batches = EpochBatches(
        range(len(pixels)),
        full_sizes(len(pixels), settings.batch_size),
        settings.seed if split == "train" else None,
    )
    return batch_loader(MemoryImages(pixels), batches)


def read_films(films: pd.DataFrame, size: int, skipped: Skipped) -> np.ndarray:
    """Films and their lungs: uint8 (M, 3, size, size), 255 is white film and lung; bad ones go to `skipped`.

    Masks are averaged over areas as films are, so that a pixel at a lung's edge is lung in part.
    """
    images, kept = load_images(films["path"].tolist(), size, "pad", skipped, names=films["image_id"].tolist())
    pixels, good = np.zeros((len(kept), 3, size, size), np.uint8), []
    for row, position in enumerate(kept):
        film = films.iloc[position]
        try:
            lungs = [resize(lung.astype(np.float32), size) for lung in read_lungs(film["mask_path"])]
        except UserError as error:
            skipped.add(film["image_id"], str(error))
            continue
        pixels[row] = to_bytes(np.stack([images[row, 0], *lungs]))
        good.append(row)
    return pixels[good]


def _films_hash(films: pd.DataFrame) -> str:
    names = [Path(mask).name for mask in films["mask_path"]]
    text = films[["image_id", "patient_id", "split"]].assign(mask=names).to_csv(index=False)
    return hashlib.sha256(text.encode()).hexdigest()
