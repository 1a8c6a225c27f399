"""The one training loop: any classifier, multi-label or single-label, CPU or GPU, resumable."""

from __future__ import annotations

import logging
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch.utils.data import DataLoader

from cxrneighbors.classifiers.base import Classifier, seeded
from cxrneighbors.classifiers.lightning_module import LightningClassifier, TrainingSettings
from cxrneighbors.classifiers.scoring import headline
from cxrneighbors.classifiers.training_data import (
    EpochBatches,
    ImageBatches,
    TrainingData,
    label_weights,
    prepare,
)
from cxrneighbors.data.schema import SPLITS, studies_hash
from cxrneighbors.data.skipped import write_skipped
from cxrneighbors.devices import resolve_device
from cxrneighbors.errors import UserError
from cxrneighbors.files import read_json, write_json_atomic, write_text_atomic
from cxrneighbors.progress import say
from cxrneighbors.statistics.patients import count_patients

CHECKPOINTS = "checkpoints"
RUN = "training.json"


def train_classifier(
    model: Classifier,
    studies: pd.DataFrame,
    out: str | Path,
    *,
    patience: int = 5,
    resume: bool = True,
    device: str = "auto",
    **settings: Any,
) -> dict[str, Any]:
    """Train or fine-tune `model` in place on a study table and write it to folder `out`.

    `settings`: fields of `TrainingSettings` (epochs, batch_size, lr, optimiser, ...); what is left out is the
    model's own (`Classifier.training_defaults`), else `TrainingSettings`'. Splits are by patient:
    the table's own, completed where a part is missing (`training_data.split_by_patient`). After each epoch
    the validation loss decides: the best weights are kept, and training ends after `patience` epochs without
    a better one (0: never). Without validation images the last weights are kept. On a GPU it runs in mixed
    precision; scores are always computed in full. On a CPU the result depends on the arguments alone.

    Writes config.json and model.safetensors (`registry.load_classifier` reads them), metrics.json,
    history.csv, skipped.csv and checkpoints/. Where `out` holds an unfinished training with the same
    arguments it goes on after the last whole epoch, and ends as if never interrupted; `resume=False`
    starts anew.

    Returns metrics.json as a dict: for 'train', 'val' and 'test' the numbers of images, patients and
    positives, for val and test also `loss`, `auroc` per label (None where undefined), `mean_auroc` and, for
    a single-label classifier, `accuracy`.

    Raises `UserError` for a table that cannot be trained on (`training_data.prepare`), for an unknown
    setting, and when `out` holds a training with other arguments.
    """
    given = TrainingSettings(**{**model.training_defaults, **settings})
    out, place = Path(out), resolve_device(device)
    run = {
        "model": model.name,
        "config": model.config(),
        "initial_weights": model.weights_hash(),
        "studies": _table_hash(studies),
        "settings": given.identity(),
    }
    start = _start(out, run, resume)
    data = prepare(studies, model.labels, model.multi_label, model.image_size, model.aspect, given.seed)
    out.mkdir(parents=True, exist_ok=True)
    write_skipped(data.skipped, out)
    write_json_atomic(out / RUN, run)
    with seeded(given.seed), _quiet_lightning():
        module, best, seconds = _fit(model, data, given, out, start, patience, place)
        metrics = _metrics(module, data, place)
    timing = {"seconds": seconds, "seconds_per_epoch": _per_epoch(seconds, module.epochs_timed)}
    metrics = {**run, "settings": asdict(given), "seed": given.seed, **best, **timing, **metrics}
    model.to("cpu").eval()
    model.save(out)
    write_json_atomic(out / "metrics.json", metrics)
    write_text_atomic(out / "history.csv", pd.DataFrame(module.history).to_csv(index=False))
    return metrics


def _per_epoch(seconds: float, epochs: int) -> float | None:
    return round(seconds / epochs, 2) if epochs else None


def describe(metrics: dict[str, Any]) -> str:
    """The result in a few lines: one for each label with its positives and AUROC on val and test."""
    lines = [f"{'label':24} {'train +':>8} {'val +':>6} {'AUROC':>6} {'test +':>7} {'AUROC':>6}"]
    for label in metrics["config"]["labels"]:
        cells = []
        for split in ("val", "test"):
            auroc = metrics[split].get("auroc", {}).get(label)
            shown = "-" if auroc is None else f"{auroc:.3f}"
            width = 6 if split == "val" else 7
            cells.append(f"{metrics[split]['positives'][label]:>{width}} {shown:>6}")
        lines.append(f"{label:24} {metrics['train']['positives'][label]:>8} {' '.join(cells)}")
    for split in ("val", "test"):
        if metrics[split]["n"]:
            name, value = headline(metrics[split])
            shown = "undefined" if value is None else f"{value:.3f}"
            lines.append(f"{split}: {name} {shown} over {metrics[split]['n']} images")
    return "\n".join(lines)


class WeightsOnlyIO(TorchCheckpointIO):
    """Lightning's checkpoint files, read without unpickling anything but tensors and plain values."""

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = True) -> Any:
        """Read a checkpoint; `weights_only` is taken as True whatever is asked."""
        return torch.load(path, map_location="cpu", weights_only=True)


def _fit(
    model: Classifier,
    data: TrainingData,
    settings: TrainingSettings,
    out: Path,
    start: Path | None,
    patience: int,
    device: str,
) -> tuple[LightningClassifier, dict[str, Any], float]:
    """Train; leave the best weights in `model`. Returns the module, best epoch and its loss, seconds."""
    weights = None
    if settings.class_weights == "balanced":
        weights = label_weights(data.targets[data.positions("train")], len(model.labels))
    module = LightningClassifier(model, settings, weights)
    has_validation = len(data.positions("val")) > 0
    if settings.schedule == "plateau" and not has_validation:
        raise UserError(
            "schedule 'plateau' watches validation images and there are none; use constant or cosine"
        )
    trainer = pl.Trainer(
        accelerator="gpu" if device.startswith("cuda") else "cpu",
        devices=[torch.device(device).index or 0] if device.startswith("cuda") else 1,
        precision=_precision(device),
        max_epochs=settings.epochs,
        callbacks=_callbacks(out, has_validation, patience),
        plugins=[WeightsOnlyIO()],
        default_root_dir=out,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    began = time.perf_counter()
    _run(trainer, module, data, start)
    seconds = time.perf_counter() - began
    best = _take_best(module, out, has_validation)
    if not all(bool(value.isfinite().all()) for value in model.parameters()):
        raise UserError(f"{out}: training diverged (weights are not finite); lower --lr, then --restart")
    return module, best, round(seconds, 2)


def _run(trainer: pl.Trainer, module: LightningClassifier, data: TrainingData, start: Path | None) -> None:
    train = _loader(data, "train", module.settings)
    val = _loader(data, "val", module.settings) if len(data.positions("val")) else None
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, train, val, ckpt_path=start)
    except SystemExit:
        # Lightning leaves with this after Ctrl-C, and with the signal ignored.
        if not trainer.interrupted:
            raise
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from None


def _callbacks(out: Path, has_validation: bool, patience: int) -> list[Callback]:
    keep: dict[str, Any] = (
        {"monitor": "val_loss", "filename": "best"} if has_validation else {"filename": "best"}
    )
    callbacks: list[Callback] = [
        ModelCheckpoint(
            dirpath=out / CHECKPOINTS,
            save_last=True,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
            **keep,
        )
    ]
    if has_validation and patience:
        stop = EarlyStopping("val_loss", patience=patience, check_on_train_epoch_end=True)
        callbacks.append(stop)
    return callbacks


def _take_best(module: LightningClassifier, out: Path, has_validation: bool) -> dict[str, Any]:
    """Put the best checkpoint's weights into the model; without validation images that is the last one."""
    path = out / CHECKPOINTS / "best.ckpt"
    if not path.is_file():  # no epoch was asked for
        return {"epochs_run": 0, "best_epoch": 0, "best_by": "starting weights"}
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    module.load_state_dict(checkpoint["state_dict"], strict=True)
    epoch = checkpoint["epoch"] + 1
    result = {"epochs_run": len(module.history), "best_epoch": epoch}
    return {**result, "best_by": "validation loss" if has_validation else "last epoch"}


def _metrics(module: LightningClassifier, data: TrainingData, device: str) -> dict[str, Any]:
    result: dict[str, Any] = {"skipped": len(data.skipped)}
    labels = module.model.labels
    module.to(device).eval()
    for split in SPLITS:
        positions = data.positions(split)
        counts: dict[str, Any] = {"n": len(positions)}
        counts["patients"] = count_patients(data.rows.iloc[positions])
        targets = data.targets[positions]
        hits = targets.sum(0) if module.model.multi_label else np.bincount(targets, minlength=len(labels))
        counts["positives"] = {label: int(hit) for label, hit in zip(labels, hits, strict=True)}
        if split != "train" and len(positions):
            counts |= _evaluate(module, data, split, device)
        result[split] = counts
    return result


@torch.inference_mode()
def _evaluate(module: LightningClassifier, data: TrainingData, split: str, device: str) -> dict[str, Any]:
    batches = _loader(data, split, module.settings)
    parts = [(module.model(images.to(device)).float().cpu(), targets) for images, targets in batches]
    logits, targets = (torch.cat(part) for part in zip(*parts, strict=True))
    loss = module.to("cpu").loss(logits, targets)
    module.to(device)
    return {"loss": float(loss), **module.scores(logits, targets)}


def _loader(data: TrainingData, split: str, settings: TrainingSettings) -> DataLoader:
    seed = settings.seed if split == "train" else None
    names = {"train": "training", "val": "validating", "test": "testing"}
    batches = EpochBatches(data.positions(split), settings.batch_size, seed, names[split])
    # batch_size=None: the sampler hands out whole batches, cut from memory in one step.
    return DataLoader(ImageBatches(data), sampler=batches, batch_size=None)


def _precision(device: str) -> Any:
    if not device.startswith("cuda"):
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


def _start(out: Path, run: dict[str, Any], resume: bool) -> Path | None:
    """The checkpoint to go on from, or None; old checkpoints are removed when training starts anew."""
    folder = out / CHECKPOINTS
    last = folder / "last.ckpt"
    if resume and last.is_file():
        before = read_json(out / RUN, remedy="use another --out or --restart")
        other = [key for key in run if before.get(key) != run[key]]
        if other:
            raise UserError(
                f"{out}: holds a training with other {', '.join(_differences(before, run, other))}; "
                "use another --out, or --restart to replace it"
            )
        say(f"{out}: going on with the training found there")
        return last
    for name in ("last.ckpt", "best.ckpt"):
        (folder / name).unlink(missing_ok=True)
    return None


def _differences(before: dict[str, Any], run: dict[str, Any], keys: list[str]) -> Iterator[str]:
    for key in keys:
        old, new = before.get(key), run[key]
        if key in ("settings", "config") and isinstance(old, dict):
            yield from (f"{name} ({old.get(name)})" for name in new if old.get(name) != new[name])
        else:
            yield key.replace("_", " ")


def _table_hash(studies: pd.DataFrame) -> str:
    """`studies_hash` over what training depends on: image, findings, patient and split."""
    text = [
        "|".join([*findings, str(patient), str(split)])
        for findings, patient, split in zip(
            studies["findings"], studies["patient_id"], studies["split"], strict=True
        )
    ]
    return studies_hash(studies.assign(report=text))


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence Lightning's banners and hints; the package tells its own progress."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for hint in (
                ".*LeafSpec.*",
                ".*does not have many workers.*",
                ".*Checkpoint directory.*exists.*",
                ".*no `val_dataloader`.*",
            ):
                warnings.filterwarnings("ignore", message=hint)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
