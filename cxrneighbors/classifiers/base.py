"""What every classifier offers, and the folder in which one is stored."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from cxrneighbors.devices import resolve_device
from cxrneighbors.errors import UserError
from cxrneighbors.files import atomic_path, read_json, write_json_atomic
from cxrneighbors.progress import track

FORMAT = 1
WEIGHTS = "model.safetensors"


class Classifier(nn.Module, ABC):
    """A network from images to one score per label.

    An image is a batch entry of float (B, 1 or 3, H, W) in [0, 1], of any size; whatever the network needs
    beyond that (size, crop, mean and deviation, colour channels) happens inside `forward`, so that no caller
    can forget it. `labels`: the C findings or classes in the order of the outputs. `multi_label`: outputs are
    independent (sigmoid); otherwise they exclude each other (softmax). `image_size`, `aspect`: how
    `data.pixels.load_images` should read files for it: pixels a side, and 'pad' or 'crop'.

    A subclass sets `name`, takes `labels` first in its constructor, and returns all its constructor
    arguments from `config`.
    """

    name: str
    aspect = "pad"
    # What `train_classifier` takes where its caller does not say (fields of `TrainingSettings`).
    training_defaults: ClassVar[dict[str, Any]] = {}

    def __init__(self, labels: Sequence[str], image_size: int, multi_label: bool) -> None:
        super().__init__()
        self.labels = check_labels(labels, multi_label)
        self.image_size = int(image_size)
        self.multi_label = bool(multi_label)

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Logits float (B, C) of images float (B, 1 or 3, H, W) in [0, 1]."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Constructor arguments, as JSON."""

    def scores(self, images: Tensor) -> Tensor:
        """Probabilities float (B, C) in [0, 1]: sigmoid of each logit, or softmax over the C classes."""
        return self.activate(self(images))

    def activate(self, logits: Tensor) -> Tensor:
        """Turn logits (..., C) into probabilities."""
        return logits.sigmoid() if self.multi_label else logits.softmax(-1)

    def predict(self, images: np.ndarray, batch_size: int = 64, device: str = "auto") -> np.ndarray:
        """Probabilities float32 (N, C) of images float32 (N, 1 or 3, H, W) in [0, 1], in evaluation mode."""
        images = np.asarray(images, dtype=np.float32)
        if images.ndim != 4 or images.shape[1] not in (1, 3):
            raise ValueError(f"images must be (N, 1 or 3, H, W) in [0, 1], got shape {images.shape}")
        place = resolve_device(device)
        result = np.zeros((len(images), len(self.labels)), dtype=np.float32)
        with evaluating(self.to(place)), torch.inference_mode():
            for start in track(range(0, len(images), batch_size), "classifying"):
                batch = torch.from_numpy(np.ascontiguousarray(images[start : start + batch_size])).to(place)
                result[start : start + batch_size] = self.scores(batch).float().cpu().numpy()
        return result

    def weights_hash(self) -> str:
        """SHA-256 over names, types, shapes and values of all tensors, as 64 hex digits."""
        return hash_state(self.state_dict())

    def save(self, folder: str | Path) -> None:
        """Write model.safetensors, then config.json, into `folder`, each in one step."""
        from safetensors.torch import save_file

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        with atomic_path(folder / WEIGHTS) as temporary:
            save_file(state, temporary)
        settings = {"format": FORMAT, "classifier": self.name, "weights_hash": hash_state(state)}
        write_json_atomic(folder / "config.json", {**settings, "config": self.config()})


def check_labels(labels: Sequence[str], multi_label: bool) -> tuple[str, ...]:
    """Return `labels` as a tuple; raise `UserError` for duplicates or too few of them."""
    labels = tuple(str(label) for label in labels)
    least = 1 if multi_label else 2
    if len(labels) < least:
        kind = "a multi-label" if multi_label else "a single-label"
        raise UserError(f"labels: {len(labels)} given; {kind} classifier needs at least {least}")
    doubled = [label for label in labels if labels.count(label) > 1]
    if doubled:
        raise UserError(f"labels: {doubled[0]!r} is listed twice; list every label once")
    return labels


@contextmanager
def evaluating(model: nn.Module) -> Iterator[nn.Module]:
    """Put `model` into evaluation mode and back into the mode it was in."""
    training = model.training
    model.eval()
    try:
        yield model
    finally:
        model.train(training)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw torch's random numbers from `seed` inside the block; the generators outside stay as they were."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def hash_state(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over a state dict, in the order of its names."""
    digest = hashlib.sha256()
    for name in sorted(state):
        array = np.ascontiguousarray(state[name].detach().cpu().numpy())
        digest.update(f"{name}|{array.dtype}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def read_settings(folder: str | Path) -> dict[str, Any]:
    """Read and check a classifier folder's config.json: keys `classifier`, `config`, `weights_hash`."""
    path = Path(folder) / "config.json"
    remedy = "give a folder that `cxrneighbors train-classifier` or Classifier.save wrote"
    settings = read_json(path, remedy=remedy)
    if not isinstance(settings, dict) or not {"classifier", "config", "weights_hash"} <= set(settings):
        raise UserError(f"{path}: not a classifier of this package; {remedy}")
    if settings.get("format") != FORMAT:
        raise UserError(
            f"{path}: format {settings.get('format')!r}, this version reads {FORMAT}; "
            "save the classifier again"
        )
    return settings


def load_state(model: Classifier, folder: str | Path) -> None:
    """Fill `model` from a folder's model.safetensors, strictly and checked against the hash beside it."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(folder) / WEIGHTS
    remedy = "train or save the classifier again"
    try:
        state = load_file(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; {remedy}") from None
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: cannot be read ({error}); {remedy}") from None
    if hash_state(state) != read_settings(folder)["weights_hash"]:
        raise UserError(f"{path}: does not fit config.json beside it (a changed file); {remedy}")
    strict_load(model, state, str(path), remedy)


def strict_load(model: nn.Module, state: Mapping[str, Tensor], source: str, remedy: str) -> None:
    """Load `state` into `model` using every tensor exactly once.

    Raises `UserError` that names `source` and lists the tensors that are missing, left over or of another
    shape (the first five of each, with their count).
    """
    own = model.state_dict()
    shared = [name for name in own if name in state]
    problems = {
        "missing": [name for name in own if name not in state],
        "left over": [name for name in state if name not in own],
        "of another shape": [
            f"{name} {tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
            for name in shared
            if state[name].shape != own[name].shape
        ],
    }
    found = [f"{len(names)} {kind}: {_listed(names)}" for kind, names in problems.items() if names]
    if found:
        raise UserError(f"{source}: {'; '.join(found)}; {remedy}")
    model.load_state_dict(dict(state), strict=True)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
