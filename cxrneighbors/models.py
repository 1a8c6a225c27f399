"""A model on disk: a folder with config.json (kind, constructor arguments, hash) and model.safetensors.

config.json names the kind of model under its noun: {"format": 1, "encoder": "vae", "weights_hash": ...,
"config": {...}}; the noun of classifiers is "classifier".
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from cxrneighbors.errors import UserError
from cxrneighbors.files import atomic_path, plain, read_json, write_json_atomic

if TYPE_CHECKING:
    from torch import Tensor, nn

FORMAT = 1
CONFIG, WEIGHTS = "config.json", "model.safetensors"
SIZES, LARGEST = ("image_size", "view_size", "latent_dim", "dim", "width"), 4096  # of constructors
COUNTER = "num_batches_tracked"
Model = TypeVar("Model")


def hash_tensors(tensors: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, dtypes, shapes and values of `tensors`, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        digest.update(f"{name}|{array.dtype}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


class SavedModel:
    """What models that are saved with their weights share: a subclass says `noun`, `name` and its tensors.

    Every argument of its constructor but the device is kept in an attribute of the same name.
    """

    noun: ClassVar[str]
    name: str

    @property
    def kind(self) -> str:
        """What config.json calls it."""
        return self.name

    def config(self) -> dict[str, Any]:
        """Constructor arguments as JSON (the device left out)."""
        names = [name for name in inspect.signature(type(self)).parameters if name != "device"]
        return {name: plain(getattr(self, name)) for name in names}

    def tensors(self) -> dict[str, np.ndarray]:
        """The weights by name; none for a model without."""
        return {}

    def weights_hash(self) -> str:
        """SHA-256 over names, types, shapes and values of all tensors as 64 hex digits, '' without any."""
        tensors = self.tensors()
        return hash_tensors(tensors) if tensors else ""

    def save(self, folder: str | Path) -> None:
        """Write model.safetensors, then config.json, into `folder`, each in one step."""
        save_model(folder, self.noun, self.kind, self.config(), self.tensors())


def state_arrays(module: nn.Module) -> dict[str, np.ndarray]:
    """The state dict of `module` as arrays."""
    return {name: value.detach().cpu().numpy() for name, value in module.state_dict().items()}


def save_model(
    folder: str | Path, noun: str, kind: str, config: dict[str, Any], tensors: Mapping[str, np.ndarray]
) -> None:
    """Write a model: model.safetensors (when it has weights), then config.json, each in one step."""
    from safetensors.numpy import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if tensors:
        with atomic_path(folder / WEIGHTS) as temporary:
            save_file({name: np.asarray(array, order="C") for name, array in tensors.items()}, temporary)
    save_config(folder, noun, kind, config, hash_tensors(tensors) if tensors else "")


def save_config(folder: str | Path, noun: str, kind: str, config: dict[str, Any], weights_hash: str) -> None:
    """Write config.json alone, for a model whose weights lie elsewhere."""
    settings = {"format": FORMAT, noun: kind, "weights_hash": weights_hash}
    write_json_atomic(Path(folder) / CONFIG, {**settings, "config": config})


def read_config(folder: str | Path, noun: str) -> dict[str, Any]:
    """Read and check a model folder's config.json: keys `noun`, `config`, `weights_hash`."""
    path = Path(folder) / CONFIG
    remedy = f"give a folder that {_a(noun)} was saved to"
    settings = read_json(path, remedy=remedy)
    if not isinstance(settings, dict) or not {noun, "config"} <= set(settings):
        raise UserError(f"{path}: not {_a(noun)} of this package; {remedy}")
    if settings.get("format") != FORMAT:
        raise UserError(
            f"{path}: format {settings.get('format')!r}, this version reads {FORMAT}; save the {noun} again"
        )
    return settings


def build_model(cls: type[Model], folder: str | Path, noun: str, **options: Any) -> Model:
    """Construct `cls(**config, **options)` from config.json.

    What the class does not take, and a size beyond any model's, becomes a `UserError` that names the file:
    the memory for it would be asked for before the weights are seen not to fit.
    """
    settings = read_config(folder, noun)
    try:
        for name, value in settings["config"].items():
            if name in SIZES and isinstance(value, int | float) and not 0 <= value <= LARGEST:
                raise ValueError(f"{name} {value!r} must lie between 0 and {LARGEST}")
        return cls(**settings["config"], **options)
    except (AttributeError, LookupError, RuntimeError, TypeError, UserError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        said = f"{Path(folder) / CONFIG}: {reason}; save the {noun} again with this version"
        raise UserError(said) from None


def read_tensors(
    folder: str | Path, noun: str, expected: tuple[str, ...] | None = None
) -> dict[str, np.ndarray]:
    """Read model.safetensors and check it against the hash in config.json.

    Raises `UserError` for a missing or changed file, and for other names than `expected`.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = Path(folder) / WEIGHTS
    remedy = f"train or save the {noun} again"
    try:
        # Copied: the arrays point into the file's bytes, at any alignment.
        tensors = {name: np.array(array) for name, array in load_file(path).items()}
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; {remedy}") from None
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: cannot be read ({error}); {remedy}") from None
    if expected is not None and set(tensors) != set(expected):
        raise UserError(f"{path}: holds {sorted(tensors)}, expected {sorted(expected)}; {remedy}")
    if hash_tensors(tensors) != read_config(folder, noun).get("weights_hash"):
        raise UserError(f"{path}: does not fit {CONFIG} beside it (a changed file); {remedy}")
    return tensors


def load_weights(module: nn.Module, folder: str | Path, noun: str) -> None:
    """Fill `module` from a folder's model.safetensors, strictly and checked against the hash beside it."""
    import torch

    tensors = {name: torch.from_numpy(array) for name, array in read_tensors(folder, noun).items()}
    strict_load(module, tensors, str(Path(folder) / WEIGHTS), f"train or save the {noun} again")


def strict_load(module: nn.Module, state: Mapping[str, Tensor], source: str, remedy: str) -> None:
    """Load `state` into `module` using every tensor exactly once.

    A state without any counter of batches (Keras and torch before 0.4.1 had none; evaluation does not use
    them) leaves those of `module`. Raises `UserError` that names `source` and lists the tensors that are
    missing, left over or of another shape (the first five of each, with their count).
    """
    own = module.state_dict()
    if not any(name.endswith(COUNTER) for name in state):
        state = {**state, **{name: value for name, value in own.items() if name.endswith(COUNTER)}}
    problems = {
        "missing": [name for name in own if name not in state],
        "left over": [name for name in state if name not in own],
        "of another shape": [
            f"{name} {tuple(state[name].shape)} instead of {tuple(value.shape)}"
            for name, value in own.items()
            # A single number may have come as a list of one.
            if name in state and (tuple(state[name].shape) or (1,)) != (tuple(value.shape) or (1,))
        ],
    }
    found = [f"{len(names)} {kind}: {_listed(names)}" for kind, names in problems.items() if names]
    if found:
        raise UserError(f"{source}: {'; '.join(found)}; {remedy}")
    module.load_state_dict(dict(state), strict=True)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
