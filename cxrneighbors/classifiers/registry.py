"""Classifiers by name: building one, and loading one from its folder."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cxrneighbors import classifiers
from cxrneighbors.classifiers.base import NOUN, Classifier
from cxrneighbors.devices import resolve_device
from cxrneighbors.errors import UserError, choose
from cxrneighbors.models import build_model, load_weights, read_config
from cxrneighbors.seeding import seeded

# The public class behind a name, imported when it is used.
MODELS = {
    "chexnet": "CheXNet",
    "small-cnn": "SmallCNN",
    "cnn-lstm": "CNNLSTM",
    "alexnet": "AlexNet",
    "resnet101v2": "ResNet101V2",
    "mobilenetv2": "MobileNetV2",
    "efficientnet-lite0": "EfficientNetLite0",
    "efficientnet-lite2": "EfficientNetLite2",
}


def model_class(name: str) -> type[Classifier]:
    """The class behind a name; `UserError` lists the names there are."""
    found: type[Classifier] = getattr(classifiers, MODELS[choose("model", name, list(MODELS))])
    return found


def build(
    name: str,
    n_classes: int | None = None,
    labels: Sequence[str] | None = None,
    *,
    seed: int = 0,
    **options: Any,
) -> Classifier:
    """A fresh classifier `name` (a key of `MODELS`) with weights drawn from `seed`.

    `labels`: names of the outputs; without them the class's own where it has `n_classes` of them (CheXNet's
    14), else 'class 0', 'class 1', ... `n_classes` may be left out where labels say it. `options` go to the
    class's constructor. Raises `UserError` for an unknown name or option, and where the number of labels is
    not `n_classes` or unknown.
    """
    cls = model_class(name)
    parameters = inspect.signature(cls).parameters
    for option in options:
        choose(f"option of model {name}", option, [known for known in parameters if known != "labels"])
    with seeded(seed):
        return cls(_labels(name, n_classes, labels, parameters["labels"].default), **options)


def load_classifier(folder: str | Path, device: str = "auto") -> Classifier:
    """Load what `Classifier.save` or `train_classifier` wrote; in evaluation mode, on `device`."""
    place = resolve_device(device)
    try:
        cls = model_class(read_config(folder, NOUN)[NOUN])
    except UserError as error:
        raise UserError(f"{folder}: {error}" if str(folder) not in str(error) else str(error)) from None
    with seeded(0):
        model = build_model(cls, folder, NOUN)
    load_weights(model, folder, NOUN)
    return model.to(place).eval()


def _labels(name: str, n_classes: int | None, labels: Sequence[str] | None, default: Any) -> Sequence[str]:
    own = () if default is inspect.Parameter.empty else tuple(default)
    if labels is None and n_classes in (None, len(own)) and own:
        return own
    if labels is None:
        if not n_classes:
            raise UserError(f"model {name}: number of classes unknown; give n_classes or labels")
        return [f"class {number}" for number in range(n_classes)]
    if n_classes is not None and len(labels) != n_classes:
        raise UserError(f"model {name}: {len(labels)} labels for {n_classes} classes; make them agree")
    return labels
