"""Reading published ImageNet weights of MobileNetV2 (Hugging Face) and ResNet101V2 (Keras)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cxrneighbors.classifiers.chexnet_checkpoint import read_checkpoint
from cxrneighbors.errors import UserError
from cxrneighbors.hub import is_hub_name

# Share of a batch in the running statistics. Keras' 0.01 and 0.001 and transformers' 0.997 (which would keep
# the last batch alone) do not suit some hundred steps; this is torch's own default.
MOMENTUM = 0.1
# Kind of a Keras array: this package's name for it.
_KINDS = {"kernel": "weight", "gamma": "weight", "beta": "bias"}
_KINDS |= {"moving_mean": "running_mean", "moving_variance": "running_var"}


def read_hub_backbone(source: str | Path, prefix: str, head: str) -> dict[str, Tensor]:
    """Tensors of a transformers model without its classifier.

    `source`: a file, or the name of a model on the hub. `prefix` is taken off the names, tensors whose name
    starts with `head` are left out. Raises `UserError` for a file that is missing or cannot be read, and for
    a model that cannot be fetched.
    """
    path = Path(source)
    if not path.is_file() and is_hub_name(str(source)):
        path = _fetch(str(source))
    remedy = "give a .safetensors or torch file, or the name of a model on the hub"
    state = read_checkpoint(path, remedy)
    bare = {name.removeprefix(prefix): value for name, value in state.items()}
    return {name: value for name, value in bare.items() if not name.startswith(head)}


def _fetch(name: str) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(name, "model.safetensors"))
    except (OSError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"{name}: neither a file nor a model that the hub can give ({reason}); give a file"
        ) from None


def read_keras_backbone(source: str | Path, tops: tuple[str, ...]) -> dict[str, Tensor]:
    """Tensors of a Keras .h5 weight file under the names of this package's layers.

    Layers in `tops` are left out. Kernels come transposed from (H, W, in, out) to (out, in, H, W).
    Raises `UserError` when the file is missing or is no such file, and when h5py is not installed.
    """
    path = Path(source)
    if not path.is_file():
        raise UserError(f"{path}: no such file; give Keras' .h5 weight file")
    state = {}
    for name, values in _read_h5(path).items():
        layer, _, kind = name.rpartition("/")
        if layer not in tops:
            array = values.transpose(3, 2, 0, 1) if values.ndim == 4 else values
            tensor = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
            state[f"{torch_layer(layer)}.{_KINDS.get(kind, kind)}"] = tensor
    return state


def torch_layer(layer: str) -> str:
    """This package's name of a layer of Keras' ResNetV2.

    >>> torch_layer("conv4_block23_2_conv"), torch_layer("conv2_block1_0_conv"), torch_layer("post_bn")
    ('blocks.conv4_block23.conv2', 'blocks.conv2_block1.shortcut', 'post_bn')
    """
    found = re.fullmatch(r"(conv\d_block\d+)_(preact_bn|\d_conv|\d_bn)", layer)
    if not found:
        return layer
    block, part = found.groups()
    if part == "0_conv":
        return f"blocks.{block}.shortcut"
    return f"blocks.{block}.{part if part == 'preact_bn' else part[2:] + part[0]}"


def _read_h5(path: Path) -> dict[str, np.ndarray]:
    """Arrays of a Keras weight file by 'layer/kind', whatever groups they lie in."""
    try:
        import h5py
    except ModuleNotFoundError:
        remedy = "install it: pip install 'cxrneighbors[keras]'"
        raise UserError(f"{path}: Keras' files are read with h5py; {remedy}") from None
    arrays: dict[str, np.ndarray] = {}

    def take(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            # 'conv1_conv/conv1_conv/kernel:0': group, layer, kind and TensorFlow's output number.
            layer, kind = name.split("/")[-2:]
            arrays[f"{layer}/{kind.split(':')[0]}"] = np.asarray(item)

    try:
        with h5py.File(path, "r") as file:
            file.get("model_weights", file).visititems(take)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is no Keras .h5 weight file ({error}); give the published one") from None
    return arrays
