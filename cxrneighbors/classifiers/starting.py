"""The classifier a training starts from: fresh, published weights, an encoder's, an earlier training's."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.chexnet import CHESTXRAY14_LABELS
from cxrneighbors.classifiers.registry import build, load_classifier, model_class
from cxrneighbors.classifiers.training_data import default_classes, default_labels, with_no_finding
from cxrneighbors.errors import UserError
from cxrneighbors.files import read_json
from cxrneighbors.models import CONFIG, read_tensors, strict_load

ENCODER = "encoder"  # what config.json calls an encoder
BACKBONE = "backbone."  # how its tensors begin that a classifier of the same network can take


def starting_model(
    name: str,
    studies: pd.DataFrame,
    labels: Sequence[str] | None = None,
    weights: str | Path | None = None,
    *,
    new_head: bool = False,
    no_finding: bool = False,
    seed: int = 0,
    **options: Any,
) -> Classifier:
    """Build model `name` for the findings `labels` and fill it from `weights`, where given.

    `labels`: default the 14 of ChestX-ray14 for chexnet; for the networks that tell exclusive classes apart
    all findings of `studies`; otherwise those with at least ten images. `no_finding`: "No Finding" is a label
    too. `options`: of the class's constructor; what is left out is the model's `starting_options`.

    `weights`: a folder that a classifier of the same name was saved to, whose settings then hold; a folder
    of an encoder trained on the same backbone (tensors 'backbone.*'), which leaves the last layer fresh; or
    published weights, as the model's `load_checkpoint` describes, with `new_head` without their last layer.
    Raises `UserError` where weights, name, labels and options do not fit each other.
    """
    folder = Path(weights) if weights is not None and Path(weights).is_dir() else None
    if folder and not _holds_encoder(folder):
        return _from_folder(name, labels, folder, new_head or no_finding, options)
    cls = model_class(name)
    if weights is not None and not folder and not hasattr(cls, "load_checkpoint"):
        raise UserError(f"{weights}: model {name} starts from a folder it was saved to; give that folder")
    options = {**cls.starting_options, **options}
    model = build(name, labels=_labels(cls, studies, labels, no_finding, options), seed=seed, **options)
    if folder:
        _fill_backbone(model, folder)
    elif weights is not None:
        model.load_checkpoint(weights, new_head=new_head)  # type: ignore[operator]
    return model


def _labels(
    cls: type[Classifier],
    studies: pd.DataFrame,
    labels: Sequence[str] | None,
    no_finding: bool,
    options: dict[str, Any],
) -> Sequence[str]:
    if labels is None and cls.name == "chexnet":
        labels = CHESTXRAY14_LABELS
    elif labels is None:
        default = inspect.signature(cls).parameters["multi_label"].default
        exclusive = options.get("multi_label", default) is False
        labels = default_classes(studies) if exclusive else default_labels(studies)
    return with_no_finding(labels) if no_finding else labels


def _holds_encoder(folder: Path) -> bool:
    config = folder / CONFIG
    return config.is_file() and ENCODER in read_json(config, remedy="give a folder that training wrote")


def _fill_backbone(model: Classifier, folder: Path) -> None:
    """Take all tensors but the last layer's from the backbone of an encoder in `folder`."""
    tensors = read_tensors(folder, ENCODER)
    state = {
        name.removeprefix(BACKBONE): torch.from_numpy(array)
        for name, array in tensors.items()
        if name.startswith(BACKBONE)
    }
    if not state:
        raise UserError(f"{folder}: holds an encoder without a backbone to start from; give another folder")
    head = {name: value for name, value in model.state_dict().items() if name.startswith("head.")}
    strict_load(model, state | head, str(folder), f"give an encoder trained on {model.name}")


def _from_folder(
    name: str, labels: Sequence[str] | None, folder: Path, new_head: bool, options: dict[str, Any]
) -> Classifier:
    model = load_classifier(folder, device="cpu")
    if model.name != name:
        raise UserError(f"{folder}: holds model {model.name}, not {name}; give --model {model.name}")
    if new_head or (labels is not None and tuple(labels) != model.labels):
        raise UserError(
            f"{folder}: was trained for {', '.join(model.labels)}; leave --labels, --no-finding and "
            "--new-head out, or train from a checkpoint file"
        )
    config = model.config()
    other = [key for key, value in options.items() if config.get(key) != value]
    if other:
        raise UserError(
            f"{folder}: was saved with {other[0]} {config.get(other[0])!r}; leave that option out"
        )
    return model
