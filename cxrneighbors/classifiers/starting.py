"""The classifier a training starts from: fresh, a published checkpoint, or an earlier training."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.registry import build, load_classifier, model_class
from cxrneighbors.classifiers.training_data import default_classes, default_labels
from cxrneighbors.errors import UserError


def starting_model(
    name: str,
    studies: pd.DataFrame,
    labels: Sequence[str] | None = None,
    weights: str | Path | None = None,
    *,
    new_head: bool = False,
    seed: int = 0,
    **options: Any,
) -> Classifier:
    """Build model `name` for the findings `labels` and fill it from `weights`, where given.

    `labels`: default the 14 of ChestX-ray14 for chexnet; for the networks that tell exclusive classes apart
    all findings of `studies`; otherwise those with at least ten images. `weights`: a folder that a
    classifier of the same name was saved to, whose settings then hold; or published weights, as the model's
    `load_checkpoint` describes, with `new_head` without their last layer.
    Raises `UserError` where weights, name, labels and options do not fit each other.
    """
    if weights is not None and Path(weights).is_dir():
        return _from_folder(name, labels, Path(weights), new_head, options)
    cls = model_class(name)
    if weights is not None and not hasattr(cls, "load_checkpoint"):
        raise UserError(f"{weights}: model {name} starts from a folder it was saved to, not from a file")
    if labels is None and name != "chexnet":
        exclusive = (
            options.get("multi_label", inspect.signature(cls).parameters["multi_label"].default) is False
        )
        labels = default_classes(studies) if exclusive else default_labels(studies)
    model = build(name, labels=labels, seed=seed, **options)
    if weights is not None:
        model.load_checkpoint(weights, new_head=new_head)  # type: ignore[operator]
    return model


def _from_folder(
    name: str, labels: Sequence[str] | None, folder: Path, new_head: bool, options: dict[str, Any]
) -> Classifier:
    model = load_classifier(folder, device="cpu")
    if model.name != name:
        raise UserError(f"{folder}: holds model {model.name}, not {name}; give --model {model.name}")
    if new_head or (labels is not None and tuple(labels) != model.labels):
        raise UserError(
            f"{folder}: was trained for {', '.join(model.labels)}; leave --labels and --new-head out, "
            "or train from a checkpoint file"
        )
    config = model.config()
    other = [key for key, value in options.items() if config.get(key) != value]
    if other:
        raise UserError(
            f"{folder}: was saved with {other[0]} {config.get(other[0])!r}; leave that option out"
        )
    return model
