"""Work that a second run reads back instead of doing it again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.training import describe, train_classifier
from cxrneighbors.files import plain, read_json, write_json_atomic
from cxrneighbors.progress import say
from cxrneighbors.training.fit import CHECKPOINTS


def kept(path: Path, asked: Mapping[str, Any], make: Callable[[], Any]) -> Any:
    """What `make` returns, as JSON; read back from `path` where it was made with the same `asked`."""
    found = read_kept(path, asked)
    if found is not None:
        say(f"{path}: made already")
        return found
    result = plain(make())
    write_json_atomic(path, {"asked": plain(asked), "result": result})
    return result


def read_kept(path: Path, asked: Mapping[str, Any]) -> Any | None:
    """What `kept` keeps at `path`; None where there is nothing that was made with the same `asked`."""
    if not path.is_file():
        return None
    found = read_json(path, remedy=f"delete {path}")
    return found["result"] if isinstance(found, dict) and found.get("asked") == plain(asked) else None


def trained_classifier(
    model: Classifier, studies: pd.DataFrame, folder: Path, device: str, **settings: Any
) -> dict[str, Any]:
    """Train `model` in `folder`, or read the training there back; returns what `train_classifier` returns."""
    metrics = train_classifier(model, studies, folder, device=device, **settings)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)  # 1 GB a large network, of no use any more
    say(describe(metrics))
    return metrics
