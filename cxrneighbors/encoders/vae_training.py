"""Training the VAE with lightning: one loop for CPU and GPU, checkpoints, resume, early stop."""

from __future__ import annotations

import csv
import io
import logging
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, RichProgressBar
from torch.utils.data import DataLoader, Dataset

from cxrneighbors.encoders.exposure import standardise
from cxrneighbors.encoders.vae_images import loader
from cxrneighbors.encoders.vae_module import TrainingSettings, VAEModule
from cxrneighbors.encoders.vae_network import VAENetwork, cell_means, start_from_ppca
from cxrneighbors.files import write_text_atomic
from cxrneighbors.progress import is_quiet, say, track

CHECKPOINTS = "checkpoints"
HISTORY = "history.csv"


class VAEData(lightning.LightningDataModule):
    """Shuffled training batches and validation batches in order."""

    def __init__(self, train: Dataset, val: Dataset, settings: TrainingSettings) -> None:
        super().__init__()
        self.train, self.val, self.settings = train, val, settings

    def train_dataloader(self) -> DataLoader:
        """Batches in an order drawn from (seed, epoch)."""
        return loader(self.train, self.settings.batch_size, self.settings.seed)

    def val_dataloader(self) -> DataLoader:
        """Batches in order."""
        return loader(self.val, self.settings.batch_size, None)


class StopAfterWarmup(EarlyStopping):
    """Early stop that counts only once the KL weight is 1: before, the two terms still trade places."""

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Count only epochs after the warm-up."""
        if pl_module._beta() >= 1:
            super().on_train_epoch_end(trainer, pl_module)


def train(
    network: VAENetwork,
    train_images: Dataset,
    val_images: Dataset,
    settings: TrainingSettings,
    out: Path | None,
    device: str,
    trainer_options: dict[str, Any] | None = None,
) -> list[dict[str, float]]:
    """Train `network` in place, leave it with the weights of the least validation loss; return the history.

    `out`: folder for checkpoints (the newest is continued) and history.csv; None keeps nothing.
    `trainer_options`: further arguments of `lightning.Trainer`, such as devices=4, num_nodes=2.
    """
    # Channels last: a quarter faster on CPUs, what tensor cores want on GPUs.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    module = VAEModule(network, settings)
    checkpoint = newest_checkpoint(out / CHECKPOINTS) if out else None
    if checkpoint:
        say(f"continuing the training from {checkpoint}")
    else:
        start_from_ppca(network, _cells(train_images))
    with tempfile.TemporaryDirectory() as scratch, _less_chatter():
        trainer = _trainer(settings, out, Path(scratch), device, trainer_options or {})
        trainer.fit(module, datamodule=VAEData(train_images, val_images, settings), ckpt_path=checkpoint)
    if trainer.interrupted:  # Lightning versions differ in whether Ctrl-C comes out of fit
        raise KeyboardInterrupt
    network.load_state_dict(module.best_weights)
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    if out:
        write_history(out / HISTORY, module.history)
    return module.history


def _cells(images: Dataset, at_most: int = 4096, chunk: int = 128) -> torch.Tensor:
    """Cell means of up to `at_most` training images, evenly spaced: (N, P)."""
    n = len(images)  # type: ignore[arg-type]
    chosen = torch.linspace(0, n - 1, min(n, at_most)).long().tolist()
    parts = [chosen[start : start + chunk] for start in range(0, len(chosen), chunk)]
    return torch.cat(
        [cell_means(standardise(images[part])) for part in track(parts, "fitting the linear path")]
    )


def newest_checkpoint(folder: Path) -> str | None:
    """The latest checkpoint in `folder` that can be read; one cut short by a crash is passed over.

    Each is read with weights_only first, so that a file which would run code when unpickled is refused.
    """
    for path in sorted(folder.glob("*.ckpt"), key=lambda path: path.name, reverse=True):
        try:
            torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            say(f"{path}: checkpoint cannot be used ({type(error).__name__}), trying an older one")
            continue
        return str(path)
    return None


def write_history(path: Path, history: list[dict[str, float]]) -> None:
    """Write one line per epoch: epoch, beta, losses, mean squared errors, KL divergences (nats), seconds."""
    stream = io.StringIO()
    names = list(dict.fromkeys(name for row in history for name in row))
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    for row in history:
        writer.writerow(
            {name: int(value) if name == "epoch" else f"{value:.6g}" for name, value in row.items()}
        )
    write_text_atomic(path, stream.getvalue())


def _trainer(
    settings: TrainingSettings, out: Path | None, scratch: Path, device: str, options: dict[str, Any]
) -> lightning.Trainer:
    cuda = device.startswith("cuda")
    callbacks: list[Callback] = [
        StopAfterWarmup("val_loss", patience=settings.patience, check_on_train_epoch_end=True)
    ]
    if out:
        # One file per epoch, the older removed only once the newer stands.
        callbacks.append(
            ModelCheckpoint(
                out / CHECKPOINTS,
                "epoch-{epoch:05d}",
                auto_insert_metric_name=False,
                save_on_train_epoch_end=True,
            )
        )
    bar = sys.stderr.isatty() and not is_quiet()
    if bar:
        callbacks.append(RichProgressBar(console_kwargs={"stderr": True}))
    arguments: dict[str, Any] = {
        "max_epochs": settings.epochs,
        "accelerator": "gpu" if cuda else "cpu",
        "devices": [torch.device(device).index or 0] if cuda else 1,
        "precision": _precision(cuda),
        "gradient_clip_val": 1.0,
        "callbacks": callbacks,
        "enable_checkpointing": out is not None,
        "enable_progress_bar": bar,
        "enable_model_summary": False,
        "logger": False,
        "num_sanity_val_steps": 0,
        "default_root_dir": scratch,
    }
    return lightning.Trainer(**{**arguments, **options})


def _precision(cuda: bool) -> str:
    if not cuda:
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


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
            warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
