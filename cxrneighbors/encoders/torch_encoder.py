"""Any torch network as an encoder of films, from Python or from a file of a program."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cxrneighbors.devices import resolve_device
from cxrneighbors.encoders.base import NOUN, check_images, unit_length
from cxrneighbors.encoders.forward import forward
from cxrneighbors.encoders.program import load_program, read_program, write_program
from cxrneighbors.errors import UserError
from cxrneighbors.files import read_json, write_bytes_atomic
from cxrneighbors.models import SavedModel, read_config, save_config

PREFIX = "torch:"
PROGRAM = "network.pt2"
BATCH = 64


class TorchEncoder(SavedModel):
    """Vectors float32 (N, D) of films from `module`, which maps (B, C, H, W) to (B, D).

    `module`: any nn.Module, or the bytes of a file that torch.export.save or TorchScript wrote (`source`
    names it). `image_size`, `aspect`: how films are made square, 'pad' or 'crop'. `channels`: 1, or 3 for
    grey in three equal channels. `mean`, `std`: the module takes (x - mean) / std of pixels x in [0, 1], one
    number or one a channel. `name`: what manifests call it. `normalise`: vectors of length 1.

    Saved, the module is exported (torch.export) to one file beside its settings, so queries work wherever the
    folder is. Raises `UserError` where that cannot be done, and for results of another shape than (B, D).
    """

    noun = NOUN
    kind = "torch"

    def __init__(
        self,
        module: nn.Module | bytes,
        image_size: int = 224,
        aspect: str = "pad",
        channels: int = 1,
        mean: float | Sequence[float] = 0.0,
        std: float | Sequence[float] = 1.0,
        name: str = "torch",
        normalise: bool = False,
        device: str = "auto",
        source: str | None = None,
    ) -> None:
        if channels not in (1, 3):
            raise UserError(f"image encoder {name!r}: {channels} channels; films have 1, or 3 equal ones")
        self.image_size, self.aspect, self.channels = int(image_size), aspect, channels
        self.mean, self.std = (_per_channel(values, channels, name) for values in (mean, std))
        self.name, self.normalise, self.device = name, normalise, device
        self._source = source or f"image encoder {name!r}"
        self._module = module
        self._program = module if isinstance(module, bytes) else None
        self._network: Callable[[Tensor], Tensor] | None = None
        self._dim: int | None = None

    @property
    def dim(self) -> int:
        """Length of a vector."""
        if self._dim is None:
            blank = np.zeros((2, 1, self.image_size, self.image_size), np.float32)
            self._dim = self.encode(blank).shape[1]
        return self._dim

    def config(self) -> dict[str, Any]:
        """Constructor arguments but the module, as JSON."""
        names = ("image_size", "aspect", "channels", "mean", "std", "name", "normalise")
        return {name: getattr(self, name) for name in names}

    def weights_hash(self) -> str:
        """SHA-256 of the stored program: its code and its weights."""
        return hashlib.sha256(self._stored()).hexdigest()

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encode images float32 (N, 1, H, W) in [0, 1] to vectors float32 (N, D)."""
        images = check_images(images)
        if not len(images):
            return np.zeros((0, self.dim), np.float32)
        device = resolve_device(self.device)
        network = self._on(device)
        # In float32: a program may ask for the types that it was exported with.
        vectors = forward(
            lambda batch: self._run(network, self._standardised(batch)), images, device, BATCH, "float32"
        )
        return unit_length(vectors) if self.normalise else vectors

    def save(self, folder: str | Path) -> None:
        """Write network.pt2, then config.json, into `folder`, each in one step."""
        write_bytes_atomic(Path(folder) / PROGRAM, self._stored())
        save_config(folder, NOUN, self.kind, self.config(), self.weights_hash())

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> TorchEncoder:
        """Read an encoder that `save` wrote; no Python of the file is run."""
        path, settings = Path(folder) / PROGRAM, read_config(folder, NOUN)
        try:
            encoder = cls(read_program(path), **settings["config"], device=device, source=str(path))
        except TypeError as error:
            raise UserError(f"{path.parent / 'config.json'}: {error}; save the {NOUN} again") from None
        if encoder.weights_hash() != settings["weights_hash"]:
            raise UserError(
                f"{path}: does not fit config.json beside it (a changed file); save the {NOUN} again"
            )
        return encoder

    def _stored(self) -> bytes:
        if self._program is None:
            assert isinstance(self._module, nn.Module)
            example = torch.zeros(2, self.channels, self.image_size, self.image_size)
            self._program = write_program(self._module.to("cpu").eval(), example, self._source)
            self._network = None
        return self._program

    def _on(self, device: str) -> Callable[[Tensor], Tensor]:
        if self._network is None:
            if isinstance(self._module, bytes):
                self._network = load_program(self._module, self._source, device)
            else:
                self._network = self._module.to(device).eval()
        return self._network

    def _standardised(self, batch: Tensor) -> Tensor:
        mean, std = (batch.new_tensor(values).view(1, -1, 1, 1) for values in (self.mean, self.std))
        return (batch.expand(-1, self.channels, -1, -1) - mean) / std

    def _run(self, network: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
        try:
            vectors = network(batch)
        except (AssertionError, RuntimeError, TypeError, ValueError) as error:
            line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UserError(
                f"{self._source}: fails on images {tuple(batch.shape)} ({line[:160]}); "
                "check image_size and channels"
            ) from error
        shape = tuple(getattr(vectors, "shape", ()))
        if len(shape) != 2 or shape[0] != len(batch):
            raise UserError(
                f"{self._source}: gives {shape or type(vectors).__name__} for {len(batch)} images; "
                "give a network that maps (B, C, H, W) to (B, D)"
            )
        return vectors


def encoder_of_file(spec: str, device: str = "auto") -> TorchEncoder:
    """The encoder named by 'torch:FILE', a TorchScript or torch.export file.

    FILE.json beside it (network.pt2.json for network.pt2), if it is there, has the arguments of
    `TorchEncoder` that differ from their defaults: {"image_size": 512, "channels": 3, "mean": 0.5, ...}.
    Raises `UserError` for another file, unknown settings, and a program that films of that size do not fit.
    """
    path = Path(spec.removeprefix(PREFIX))
    program, beside = read_program(path), path.with_name(path.name + ".json")
    settings = (
        read_json(beside, remedy="write the settings of TorchEncoder as JSON") if beside.is_file() else {}
    )
    try:
        encoder = TorchEncoder(program, **{"name": path.stem, **settings}, device=device, source=str(path))
    except TypeError as error:
        raise UserError(f"{beside}: {error}; write the settings of TorchEncoder") from None
    _ = encoder.dim  # a program that cannot be run is refused before anything is written
    return encoder


def _per_channel(values: float | Sequence[float], channels: int, name: str) -> list[float]:
    listed = [float(value) for value in np.ravel(values)]
    if len(listed) not in (1, channels):
        raise UserError(f"image encoder {name!r}: {len(listed)} means or deviations; give 1 or {channels}")
    return listed
