"""Image classifiers behind one interface, and the one loop that trains them.

The public names load on first use: torch takes seconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cxrneighbors.classifiers.base import Classifier
    from cxrneighbors.classifiers.chexnet import CHESTXRAY14_LABELS, CheXNet
    from cxrneighbors.classifiers.registry import build, load_classifier
    from cxrneighbors.classifiers.small_cnn import SmallCNN
    from cxrneighbors.classifiers.training import train_classifier

_HOME = {
    "Classifier": "base",
    "CHESTXRAY14_LABELS": "chexnet",
    "CheXNet": "chexnet",
    "build": "registry",
    "load_classifier": "registry",
    "SmallCNN": "small_cnn",
    "train_classifier": "training",
}
__all__ = [
    "CHESTXRAY14_LABELS",
    "CheXNet",
    "Classifier",
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
