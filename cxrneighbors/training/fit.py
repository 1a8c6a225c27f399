"""The one training loop, by Lightning: CPU and GPU, checkpoints, resume, early stop, best weights."""

from __future__ import annotations

import logging
import math
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint, RichProgressBar
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch.utils.data import DataLoader

from cxrneighbors.artifact import newest_checkpoint
from cxrneighbors.csv_text import csv_text
from cxrneighbors.errors import Terminated, UserError
from cxrneighbors.files import atomic_path, write_text_atomic
from cxrneighbors.progress import Lines, is_quiet, say
from cxrneighbors.seeding import seeded
from cxrneighbors.training.module import TrainingModule

CHECKPOINTS = "checkpoints"
HISTORY = "history.csv"
RESUMED = ("state_dict", "optimizer_states", "loops", "record")  # what a checkpoint must hold
KEPT = 2  # checkpoints: the newest, and one to fall back on when that is damaged


def fit(
    module: TrainingModule,
    train: DataLoader[Any],
    val: DataLoader[Any] | None,
    device: str,
    folder: Path | None = None,
    trainer_options: Mapping[str, Any] | None = None,
) -> None:
    """Train `module.network` in place and leave it with the weights of the least validation loss.

    Without `val` the last weights are kept; a training with an average keeps the average's. `folder`: where
    checkpoints (the newest readable one is continued) and history.csv go; None keeps nothing. `device`: 'cpu'
    or 'cuda[:n]', where it runs in mixed precision. `trainer_options`: further arguments of
    `lightning.Trainer`, such as devices=4, num_nodes=2.

    Torch's global generator is left as it was. Raises `UserError` when the training diverges or when `folder`
    holds more epochs than are asked for.
    """
    checkpoint = newest_checkpoint(folder / CHECKPOINTS, keys=RESUMED) if folder else None
    if checkpoint:
        _check_epochs(checkpoint, module.settings.epochs)
        say(f"continuing the training from {checkpoint}")
    with _less_chatter(), seeded(module.settings.seed):
        if not checkpoint:
            module.prepare(train.dataset)
        options = _options(module, device, folder) | dict(trainer_options or {})
        trainer = lightning.Trainer(default_root_dir=tempfile.gettempdir(), **options)  # writes nothing there
        _run(trainer, module, train, val, checkpoint)
    module.network.load_state_dict(module.best_weights or module.evaluated.state_dict())
    if folder:
        _drop_older(folder / CHECKPOINTS)  # where a run was killed before it did
        text = csv_text(pd.DataFrame(module.history), "%.6g")
        write_text_atomic(folder / HISTORY, text)


def _options(module: TrainingModule, device: str, folder: Path | None) -> dict[str, Any]:
    cuda = device.startswith("cuda")
    bar = sys.stderr.isatty() and not is_quiet()
    callbacks: list[Callback] = [RichProgressBar(console_kwargs={"stderr": True}) if bar else StepLines()]
    if folder:
        callbacks.append(EpochCheckpoints(folder / CHECKPOINTS))
    return {
        "max_epochs": module.settings.epochs,
        "accelerator": "gpu" if cuda else "cpu",
        "devices": [torch.device(device).index or 0] if cuda else 1,
        "precision": _precision(cuda),
        "gradient_clip_val": module.clip or None,
        "callbacks": callbacks,
        "plugins": [WeightsOnlyIO()],
        "enable_checkpointing": folder is not None,
        "enable_progress_bar": bar,
        "enable_model_summary": False,
        "logger": False,
        "num_sanity_val_steps": 0,
        "use_distributed_sampler": False,  # `EpochBatches` shares its batches out itself
    }


def _precision(cuda: bool) -> str:
    if not cuda:
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


def _run(
    trainer: lightning.Trainer,
    module: TrainingModule,
    train: DataLoader[Any],
    val: DataLoader[Any] | None,
    checkpoint: Path | None,
) -> None:
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, train, val, ckpt_path=checkpoint)
    except SystemExit as left:
        # Lightning leaves with this after Ctrl-C, and with the signal ignored, and after SIGTERM.
        if not (trainer.interrupted or trainer.received_sigterm):
            raise
        signal.signal(signal.SIGINT, handler)
        if isinstance(left.__context__, Terminated):  # before or behind the time in which Lightning listens
            raise Terminated from None
    if trainer.received_sigterm:
        raise Terminated
    if trainer.interrupted:
        raise KeyboardInterrupt


class StepLines(Callback):
    """Says how far an epoch is, now and then: for a training without a bar."""

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Begin anew."""
        self._lines = Lines(f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}, step")

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """One step further."""
        if trainer.is_global_zero:
            steps = trainer.num_training_batches
            self._lines.reached(batch_idx + 1, int(steps) if math.isfinite(steps) else None)


class EpochCheckpoints(Checkpoint):
    """Writes epoch-00001.ckpt behind each epoch, and removes all but the newest two."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Save."""
        trainer.save_checkpoint(self.folder / f"epoch-{trainer.current_epoch + 1:05d}.ckpt")
        if trainer.is_global_zero:
            _drop_older(self.folder)


def _drop_older(folder: Path) -> None:
    for path in sorted(folder.glob("epoch-*.ckpt"))[:-KEPT]:
        path.unlink()


class WeightsOnlyIO(TorchCheckpointIO):
    """Lightning's checkpoints, written in one step, read without unpickling but tensors and plain values."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write beside `path` first: Lightning's own way is by the temporary folder, often another disk."""
        with atomic_path(path) as temporary:
            torch.save(checkpoint, temporary)

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = True) -> Any:
        """Read a checkpoint; `weights_only` is taken as True whatever is asked."""
        return torch.load(path, map_location="cpu", weights_only=True)


def _check_epochs(checkpoint: Path, epochs: int) -> None:
    done = int(checkpoint.stem.removeprefix("epoch-"))
    if done > epochs:
        raise UserError(
            f"{checkpoint.parent.parent}: holds a training of {done} epochs, now {epochs}; ask for more, "
            "or give another folder"
        )


@contextmanager
def _less_chatter() -> Iterator[None]:
    """Lightning announces hardware and tips on every run; progress bar and history say what a user needs."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            warnings.filterwarnings("ignore", message=".*(lr_scheduler.step|LeafSpec).*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
