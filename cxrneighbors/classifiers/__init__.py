"""Image classifiers behind one interface, and the one loop that trains them.

The public names load on first use: torch takes seconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cxrneighbors.classifiers.alexnet import AlexNet
    from cxrneighbors.classifiers.base import Classifier
    from cxrneighbors.classifiers.chexnet import CHESTXRAY14_LABELS, CheXNet
    from cxrneighbors.classifiers.cnn_lstm import CNNLSTM
    from cxrneighbors.classifiers.four_classes import FOUR_CLASSES
    from cxrneighbors.classifiers.mobilenetv2 import MobileNetV2
    from cxrneighbors.classifiers.registry import build, load_classifier
    from cxrneighbors.classifiers.resnet101v2 import ResNet101V2
    from cxrneighbors.classifiers.small_cnn import SmallCNN
    from cxrneighbors.classifiers.training import train_classifier

_HOME = {
    "AlexNet": "alexnet",
    "Classifier": "base",
    "CHESTXRAY14_LABELS": "chexnet",
    "CheXNet": "chexnet",
    "CNNLSTM": "cnn_lstm",
    "FOUR_CLASSES": "four_classes",
    "MobileNetV2": "mobilenetv2",
    "build": "registry",
    "load_classifier": "registry",
    "ResNet101V2": "resnet101v2",
    "SmallCNN": "small_cnn",
    "train_classifier": "training",
}
__all__ = [
    "CHESTXRAY14_LABELS",
    "CNNLSTM",
    "FOUR_CLASSES",
    "AlexNet",
    "CheXNet",
    "Classifier",
    "MobileNetV2",
    "ResNet101V2",
    "SmallCNN",
    "build",
    "load_classifier",
    "train_classifier",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
