"""Reading published DenseNet-121 and CheXNet checkpoints, whose tensors carry several generations of names.

- wrapper: `state_dict`, `model_state_dict` or `model` beside epoch and optimiser state, or none;
- prefix: `module.` (data parallel), `model.`, `network.`, `densenet121.` (a wrapping class), any number;
- dense layer: `denselayer3.norm.1` (torchvision before 0.2.1), `denselayer3.norm1` (since),
  `denselayer3.layers.norm1` (MONAI);
- last layer: `classifier.weight`, `classifier.0.weight` (a sigmoid follows) or MONAI's
  `class_layers.out.weight`;
- counter: `num_batches_tracked` (torch since 0.4.1) or none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cxrneighbors.errors import UserError

HEAD = ("class_layers.out.weight", "class_layers.out.bias")
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_PREFIX = re.compile(r"^(?:(?:module|model|network|densenet121)\.)+")
_DENSE_LAYER = re.compile(r"(denselayer\d+)\.(?:layers\.)?(norm|conv)\.?([12])\.")
_LAST_LAYER = re.compile(r"^classifier\.(?:0\.)?(weight|bias)$")
_REMEDY = "give a DenseNet-121 checkpoint written by torch.save or as .safetensors"


def read_checkpoint(path: str | Path, remedy: str = _REMEDY) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint under the names the file gives them, on the CPU.

    safetensors by its suffix, anything else with torch's weights-only loader: no code in the file is run.
    Raises `UserError`, ending with `remedy`, for a missing or unreadable file and for one without tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; {remedy}")
    read = _read_safetensors if path.suffix == ".safetensors" else _read_torch
    state = unwrap(read(path, remedy))
    if not state:
        raise UserError(f"{path}: holds no tensors; {remedy}")
    return state


def unwrap(content: Any) -> dict[str, Tensor]:
    """The tensors by name in what a checkpoint holds, also inside its usual wrappers; {} without any."""
    if not isinstance(content, Mapping):
        return {}
    for wrapper in _WRAPPERS:
        if isinstance(content.get(wrapper), Mapping):
            return unwrap(content[wrapper])
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def monai_names(state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """Rename published tensors to those of `monai.networks.nets.DenseNet121`; unknown names stay as they are.

    Raises `UserError` when two tensors of the file are one and the same under their new name.
    """
    renamed: dict[str, Tensor] = {}
    origin: dict[str, str] = {}
    for name, value in state.items():
        new = monai_name(name)
        if new in renamed:
            raise UserError(f"{source}: {origin[new]} and {name} are the same tensor twice; keep one of them")
        renamed[new], origin[new] = value, name
    return renamed


def monai_name(name: str) -> str:
    """The name that MONAI gives a published tensor.

    >>> monai_name("module.densenet121.features.denseblock1.denselayer2.norm.1.weight")
    'features.denseblock1.denselayer2.layers.norm1.weight'
    >>> monai_name("densenet121.classifier.0.bias")
    'class_layers.out.bias'
    """
    bare = _PREFIX.sub("", name)
    bare = _DENSE_LAYER.sub(r"\1.layers.\2\3.", bare)
    return _LAST_LAYER.sub(r"class_layers.out.\1", bare)


def _read_safetensors(path: Path, remedy: str) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: cannot be read as safetensors ({_short(error)}); {remedy}") from None


def _read_torch(path: Path, remedy: str) -> Any:
    import pickle
    import zipfile

    try:
        with torch.serialization.safe_globals(_numpy_scalars()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = _short(error)
    except pickle.UnpicklingError:
        # Not torch's own text, which tells how to switch the safety off.
        reason = "it holds pickled objects beside its weights, and such code is never run"
    raise UserError(f"{path}: cannot be read as a torch checkpoint ({reason}); {remedy}")


def _numpy_scalars() -> list[Any]:
    """What a best AUROC stored beside the weights as a NumPy float needs: types that hold numbers."""
    scalar = np.float64(0).__reduce__()[0]
    numbers = [type(np.dtype(kind)) for kind in ("float64", "float32", "int64")]
    return [
        (scalar, "numpy.core.multiarray.scalar"),
        (scalar, "numpy._core.multiarray.scalar"),
        np.dtype,
        *numbers,
    ]


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:160]
