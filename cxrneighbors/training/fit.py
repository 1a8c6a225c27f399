"""The one training loop, by Lightning: CPU and GPU, checkpoints, resume, early stop, best weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from torch.utils.data import DataLoader

from cxrneighbors.artifact import newest_checkpoint
from cxrneighbors.csv_text import csv_text
from cxrneighbors.errors import UserError
from cxrneighbors.files import write_text_atomic
from cxrneighbors.progress import say
from cxrneighbors.seeding import seeded
from cxrneighbors.training.module import TrainingModule
from cxrneighbors.training.together import train_together
from cxrneighbors.training.trainer import CHECKPOINTS as CHECKPOINTS
from cxrneighbors.training.trainer import RESUMED as RESUMED
from cxrneighbors.training.trainer import Training, drop_older, less_chatter

HISTORY = "history.csv"


def fit(
    module: TrainingModule,
    train: DataLoader[Any],
    val: DataLoader[Any] | None,
    device: str,
    folder: Path | None = None,
    trainer_options: Mapping[str, Any] | None = None,
    devices: int = 1,
) -> None:
    """Train `module.network` in place and leave it with the weights of the least validation loss.

    Without `val` the last weights are kept; a training with an average keeps the average's. `folder`: where
    checkpoints (the newest readable one is continued) and history.csv go; None keeps nothing. `device`: 'cpu'
    or 'cuda[:n]', where it runs in mixed precision. `trainer_options`: further arguments of
    `lightning.Trainer`, such as precision.

    `devices`: processes that train together, one a GPU, or so many on a CPU. A batch is what it is for one:
    each takes its part, and gradient, batch normalisation and validation are over all parts, so that losses
    agree within rounding; augmentation and dropout are drawn for each process. An interrupted training may
    go on with another number.

    Torch's global generator is left as it was. Raises `UserError` when the training diverges or when `folder`
    holds more epochs than are asked for.
    """
    checkpoint = newest_checkpoint(folder / CHECKPOINTS, keys=RESUMED) if folder else None
    if checkpoint:
        _check_epochs(checkpoint, module.settings.epochs)
        say(f"continuing the training from {checkpoint}")
    training = Training(module, train, val, device, folder, checkpoint, trainer_options or {}, devices)
    with less_chatter(), seeded(module.settings.seed):
        if not checkpoint:
            module.prepare(train.dataset)
        if devices > 1:
            train_together(training)
        else:
            training.run()
    module.network.load_state_dict(module.best_weights or module.evaluated.state_dict())
    if folder:
        drop_older(folder / CHECKPOINTS)  # where a run was killed before it did
        text = csv_text(pd.DataFrame(module.history), "%.6g")
        write_text_atomic(folder / HISTORY, text)


def _check_epochs(checkpoint: Path, epochs: int) -> None:
    done = int(checkpoint.stem.removeprefix("epoch-"))
    if done > epochs:
        raise UserError(
            f"{checkpoint.parent.parent}: holds a training of {done} epochs, now {epochs}; ask for more, "
            "or give another folder"
        )
