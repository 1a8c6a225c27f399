"""What a job's folder holds, without the times it took: two runs of a job are compared by it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.artifact import MANIFEST
from cxrneighbors.files import sha256_file

TIMES = ("seconds", "seconds_per_epoch", "images_per_second")
TIMED = ("history.csv", "metrics.json", ".ckpt")  # ends of names: files that hold times


def fingerprint(folder: Path) -> dict[str, str]:
    """Everything below `folder`, by path: 'folder', or a hash of the file's bytes.

    Of files that hold times (`TIMED`) the hash is of their values without `TIMES`, and a manifest's hash
    leaves out what it says of their bytes.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        found[name] = "folder" if path.is_dir() else _digest(path)
    return found


def _digest(path: Path) -> str:
    if path.name == MANIFEST:
        content = json.loads(path.read_text(encoding="utf-8"))
        files = content.get("files", {}).items()
        content["files"] = {name: None if name.endswith(TIMED) else about for name, about in files}
        return _hash(content)
    if not path.name.endswith(TIMED):
        return sha256_file(path)
    return _hash(_read(path))


def _read(path: Path) -> Any:
    if path.suffix == ".csv":
        return pd.read_csv(path).to_dict("list")
    if path.suffix == ".json":
        return json.loads(path.read_text(encoding="utf-8"))
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


def _hash(value: Any) -> str:
    return hashlib.sha256(repr(untimed(value)).encode()).hexdigest()


def untimed(value: Any) -> Any:
    """`value` without the entries `TIMES` of its dicts, with tensors as their bytes.

    >>> untimed({"seconds": 3.2, "films": [{"seconds": 1.0, "n": 2}]})
    {'films': [{'n': 2}]}
    """
    if isinstance(value, dict):
        return {name: untimed(part) for name, part in value.items() if name not in TIMES}
    if isinstance(value, list | tuple):
        return [untimed(part) for part in value]
    return value.numpy().tobytes() if hasattr(value, "numpy") else value
