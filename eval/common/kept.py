"""Work that a second run reads back instead of doing it again."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.registry import load_classifier
from cxrneighbors.classifiers.training import describe, train_classifier
from cxrneighbors.files import plain, read_json, write_json_atomic
from cxrneighbors.progress import say


def kept(path: Path, asked: Mapping[str, Any], make: Callable[[], Any]) -> Any:
    """What `make` returns, as JSON; read back from `path` where it was made with the same `asked`."""
    asked = plain(asked)
    if path.is_file():
        found = read_json(path, remedy=f"delete {path}")
        if isinstance(found, dict) and found.get("asked") == asked:
            say(f"{path}: made already")
            return found["result"]
    result = plain(make())
    write_json_atomic(path, {"asked": asked, "result": result})
    return result


def trained_classifier(
    model: Classifier, studies: pd.DataFrame, folder: Path, device: str, **settings: Any
) -> tuple[Classifier, dict[str, Any]]:
    """`model` trained on `studies` in `folder`, or the equal training that an earlier run finished there.

    An interrupted training goes on; a finished one with other settings is replaced. Returns the classifier
    with its best weights and what `train_classifier` returns, which takes `settings`.
    """
    path = folder / "kept.json"
    columns = studies[["image_id", "path", "patient_id", "split", "findings"]]
    asked = {
        "model": model.name,
        "config": model.config(),
        "initial_weights": model.weights_hash(),
        "studies": hashlib.sha256(columns.to_csv().encode()).hexdigest(),
        "settings": settings,
    }

    def train() -> dict[str, Any]:
        replaced = path.is_file()  # written last: without it, an unfinished training lies there
        path.unlink(missing_ok=True)
        done = train_classifier(model, studies, folder, device=device, resume=not replaced, **settings)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # 1 GB a large network, of no use any more
        return done

    metrics: dict[str, Any] = kept(path, asked, train)
    say(describe(metrics))
    return load_classifier(folder, device), metrics
