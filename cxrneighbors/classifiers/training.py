"""`train-classifier`: any classifier, multi-label or single-label, CPU or GPU, resumable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from cxrneighbors.artifact import Kind, Work
from cxrneighbors.classifiers.base import NOUN, Classifier
from cxrneighbors.classifiers.scoring import headline
from cxrneighbors.classifiers.training_data import (
    TrainingData,
    label_shares,
    label_weights,
    prepare,
    split_loader,
)
from cxrneighbors.classifiers.training_module import PRECISIONS, ClassifierSettings, ClassifierTraining
from cxrneighbors.data.schema import SPLITS, studies_hash
from cxrneighbors.data.skipped import write_skipped
from cxrneighbors.devices import check_devices, resolve_device
from cxrneighbors.errors import UserError
from cxrneighbors.files import plain, read_json, write_json_atomic
from cxrneighbors.models import load_weights
from cxrneighbors.progress import say, track
from cxrneighbors.statistics.patients import count_patients
from cxrneighbors.training.fit import CHECKPOINTS, fit

TRAINING = Kind("classifier training", 3, "train-classifier")
METRICS = "metrics.json"


def train_classifier(
    model: Classifier,
    studies: pd.DataFrame,
    out: str | Path,
    *,
    resume: bool = True,
    device: str = "auto",
    devices: int = 1,
    **settings: Any,
) -> dict[str, Any]:
    """Train or fine-tune `model` in place on a study table and write it to folder `out`.

    `settings`: fields of `ClassifierSettings` (epochs, batch_size, lr, optimiser, ...); what is left out is
    the model's own (`Classifier.training_defaults`), else `ClassifierSettings`'. Splits are by patient: the
    table's own, completed where a part is missing (`training_data.split_by_patient`). After each epoch the
    validation loss decides: the best weights are kept, and training ends after `patience` epochs without
    a better one (0: never). Without validation images the last weights are kept. With `average` all this
    is about the average of the weights. On a GPU it runs in mixed
    precision; scores are always computed in full. On a CPU the result depends on the arguments alone.
    `devices`: GPUs, or processes on a CPU, that share each batch (`training.fit.fit`); balanced weights of
    classes that exclude each other and `overlap` then look at a process's part of it.

    Writes config.json and model.safetensors (`registry.load_classifier` reads them), metrics.json,
    history.csv, skipped.csv, checkpoints/ and manifest.json. Where `out` holds an unfinished training with
    the same arguments it goes on after the last whole epoch, and ends as if never interrupted; a finished one
    is read back, or goes on to more `epochs`. `resume=False` starts anew.

    Returns metrics.json as a dict: for 'train', 'val' and 'test' the numbers of images, patients and
    positives, for val and test also `loss`, `auroc` per label (None where undefined), `mean_auroc` and, for
    a single-label classifier, `accuracy`.

    Raises `UserError` for a table that cannot be trained on (`training_data.prepare`), for an unknown
    setting, when the training diverges, and when `out` holds a training with other arguments.
    """
    given = ClassifierSettings(**{**model.training_defaults, **settings})
    out, place = Path(out), resolve_device(device)
    check_devices(devices, place, given.batch_size)
    plan = {
        "model": model.name,
        "config": model.config(),
        "initial_weights": model.weights_hash(),
        "studies": _table_hash(studies),
        "settings": given.plan(),
    }
    work = TRAINING.begin(out, plan, restart=not resume, scratch=(CHECKPOINTS,))
    if work.complete:
        metrics = read_json(out / METRICS, remedy="give another folder, or delete this one")
        if not _has_further_epochs(metrics, given.epochs, out):
            say(f"{out}: this training is done already; read back")
            load_weights(model.to("cpu").eval(), out, NOUN)
            return dict(metrics)
        work.reopen()
    return _train(model, studies, given, work, place, devices)


def _has_further_epochs(metrics: dict[str, Any], epochs: int, out: Path) -> bool:
    """Whether a finished training has to go on: it ended at its last epoch, and more are asked for."""
    done, asked = metrics["epochs_run"], metrics["settings"]["epochs"]
    if epochs < done:
        raise UserError(
            f"{out}: holds a training of {done} epochs, now {epochs}; ask for more, or give another folder"
        )
    return bool(done == asked < epochs)


def _train(
    model: Classifier,
    studies: pd.DataFrame,
    settings: ClassifierSettings,
    work: Work,
    device: str,
    devices: int,
) -> dict[str, Any]:
    out = work.folder
    with work.preparing():
        data = prepare(studies, model, settings.seed)
        if settings.schedule == "plateau" and not len(data.positions("val")):
            raise UserError("schedule 'plateau' watches validation images and there are none; use another")
    write_skipped(data.skipped, out)
    module = _fit(model, data, settings, out, device, devices)
    metrics = {**work.plan, "settings": vars(settings), "seed": settings.seed, **_epochs(module)}
    metrics = plain({**metrics, **_metrics(module, data, device)})
    model.to("cpu").eval().save(out)
    write_json_atomic(out / METRICS, metrics)
    work.finish()
    return dict(metrics)


def _fit(
    model: Classifier,
    data: TrainingData,
    settings: ClassifierSettings,
    out: Path,
    device: str,
    devices: int,
) -> ClassifierTraining:
    weights, targets = None, data.targets[data.positions("train")]
    if settings.class_weights == "balanced":
        weights = label_weights(targets, len(model.labels))
    else:
        start_at_log_odds(model, label_shares(targets, len(model.labels)))
    train, val = (split_loader(data, name, settings.batch_size, settings.seed) for name in ("train", "val"))
    if settings.precision == "bfloat16":  # half as fast otherwise
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    module = ClassifierTraining(model.train(), settings, weights)
    precision = PRECISIONS[settings.precision]
    options = {"precision": precision} if precision else None
    fit(module, train, val if len(data.positions("val")) else None, device, out, options, devices)
    if not all(bool(value.isfinite().all()) for value in model.parameters()):
        raise UserError(f"{out}: training diverged (weights are not finite); lower --lr, then --restart")
    return module


def start_at_log_odds(model: Classifier, shares: np.ndarray) -> None:
    """Let a last layer `head` that has learned nothing (weights 0) start with the best guess about any image.

    `shares`: of the training images that have each label, float (C,), taken as at least 0.001. Its bias
    becomes their log odds, or their logarithm where labels exclude each other (Lin et al. 2017, section 3.3),
    so that the first steps are not spent on how rare each label is. Drawn or trained layers stay as they are.
    """
    head = getattr(model, "head", None)
    if not isinstance(head, nn.Linear) or bool(head.weight.any()):
        return
    likely = torch.from_numpy(shares).clamp(1e-3, 1 - 1e-3)
    with torch.no_grad():
        head.bias.copy_(likely.logit() if model.multi_label else likely.log())


def _epochs(module: ClassifierTraining) -> dict[str, Any]:
    """How many epochs were run, which one's weights are kept and why, and how long they took."""
    by = "validation loss" if module.best_weights and module.settings.keep == "best" else "last epoch"
    seconds = [row["seconds"] for row in module.history]
    return {
        "epochs_run": len(module.history),
        "best_epoch": module.best_epoch,
        "best_by": by if module.history else "starting weights",
        "seconds": round(sum(seconds), 2),
        "seconds_per_epoch": round(sum(seconds) / len(seconds), 2) if seconds else None,
    }


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


def _metrics(module: ClassifierTraining, data: TrainingData, device: str) -> dict[str, Any]:
    result: dict[str, Any] = {"skipped": len(data.skipped)}
    labels = module.network.labels
    module.to(device).eval()
    for split in SPLITS:
        positions = data.positions(split)
        counts: dict[str, Any] = {"n": len(positions)}
        counts["patients"] = count_patients(data.rows.iloc[positions])
        targets = data.targets[positions]
        hits = targets.sum(0) if module.network.multi_label else np.bincount(targets, minlength=len(labels))
        counts["positives"] = {label: int(hit) for label, hit in zip(labels, hits, strict=True)}
        if split != "train" and len(positions):
            counts |= _evaluate(module, data, split, device)
        result[split] = counts
    return result


@torch.inference_mode()
def _evaluate(module: ClassifierTraining, data: TrainingData, split: str, device: str) -> dict[str, Any]:
    batches = split_loader(data, split, module.settings.batch_size, module.settings.seed)
    parts = [
        (module.network(images.to(device)).float().cpu(), targets)
        for images, targets in track(batches, f"scoring {split} images", len(batches))
    ]
    logits, targets = (torch.cat(part) for part in zip(*parts, strict=True))
    return {"loss": float(module.loss(logits, targets)), **module.scores(logits, targets)}


def _table_hash(studies: pd.DataFrame) -> str:
    """`studies_hash` over what training depends on: image, findings, patient and split."""
    text = [
        "|".join([*findings, str(patient), str(split)])
        for findings, patient, split in zip(
            studies["findings"], studies["patient_id"], studies["split"], strict=True
        )
    ]
    return studies_hash(studies.assign(report=text))
