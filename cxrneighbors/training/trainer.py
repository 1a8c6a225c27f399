"""One training by Lightning's trainer in this process: callbacks, checkpoints, signals."""

from __future__ import annotations

import logging
import math
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.callbacks import Callback, Checkpoint, RichProgressBar
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.strategies import DDPStrategy
from torch.utils.data import DataLoader

from cxrneighbors.errors import Terminated
from cxrneighbors.files import atomic_path
from cxrneighbors.progress import Lines, is_quiet
from cxrneighbors.training.module import TrainingModule

CHECKPOINTS = "checkpoints"
RESUMED = ("state_dict", "optimizer_states", "loops", "record")  # what a checkpoint must hold
KEPT = 2  # checkpoints: the newest, and one to fall back on when that is damaged
WRITING = threading.Lock()  # held while a checkpoint is written


@dataclass(frozen=True)
class Training:
    """What is trained on what and where: see `fit.fit`. `checkpoint`: the one to go on from."""

    module: TrainingModule
    train: DataLoader[Any]
    val: DataLoader[Any] | None
    device: str
    folder: Path | None = None
    checkpoint: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    devices: int = 1

    def run(self) -> None:
        """Train in this process, which is one of `devices`."""
        options = _options(self) | dict(self.options)
        trainer = lightning.Trainer(default_root_dir=tempfile.gettempdir(), **options)  # writes nothing there
        _run(trainer, self.module, self.train, self.val, self.checkpoint)


def _options(training: Training) -> dict[str, Any]:
    cuda = training.device.startswith("cuda")
    bar = sys.stderr.isatty() and not is_quiet()
    callbacks: list[Callback] = [RichProgressBar(console_kwargs={"stderr": True}) if bar else StepLines()]
    if training.folder:
        callbacks.append(EpochCheckpoints(training.folder / CHECKPOINTS))
    devices: Any = [torch.device(training.device).index or 0] if cuda else 1
    options: dict[str, Any] = {
        "max_epochs": training.module.settings.epochs,
        "accelerator": "gpu" if cuda else "cpu",
        "devices": devices,
        "precision": _precision(cuda),
        "gradient_clip_val": training.module.clip or None,
        "callbacks": callbacks,
        "plugins": [WeightsOnlyIO()],
        "enable_checkpointing": training.folder is not None,
        "enable_progress_bar": bar,
        "enable_model_summary": False,
        "logger": False,
        "num_sanity_val_steps": 0,
        "use_distributed_sampler": False,  # `EpochBatches` shares its batches out itself
    }
    if training.devices > 1:
        options["devices"] = training.devices
        options["strategy"] = DDPStrategy(process_group_backend="nccl" if cuda else "gloo")
        options["sync_batchnorm"] = cuda  # on a CPU by `shared_norm`
        options["plugins"] += [LightningEnvironment()]  # not that of a cluster's job around it
        callbacks.append(DeafToSignals())
    return options


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


class DeafToSignals(Callback):
    """Leaves signals to the process that started this one: Lightning's handler waits for the others."""

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Lightning has put its handlers in place by now."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


class EpochCheckpoints(Checkpoint):
    """Writes epoch-00001.ckpt behind each epoch, and removes all but the newest two."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Save."""
        trainer.save_checkpoint(self.folder / f"epoch-{trainer.current_epoch + 1:05d}.ckpt")
        if trainer.is_global_zero:
            drop_older(self.folder)


def drop_older(folder: Path) -> None:
    """Remove all checkpoints but the newest `KEPT`."""
    for path in sorted(folder.glob("epoch-*.ckpt"))[:-KEPT]:
        path.unlink()


class WeightsOnlyIO(TorchCheckpointIO):
    """Lightning's checkpoints, written in one step, read without unpickling but tensors and plain values."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write beside `path` first: Lightning's own way is by the temporary folder, often another disk."""
        with WRITING, atomic_path(path) as temporary:
            torch.save(checkpoint, temporary)

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = True) -> Any:
        """Read a checkpoint; `weights_only` is taken as True whatever is asked."""
        return torch.load(path, map_location="cpu", weights_only=True)


@contextmanager
def less_chatter() -> Iterator[None]:
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
