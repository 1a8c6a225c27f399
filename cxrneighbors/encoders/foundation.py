"""Foundation encoder: any vision model of transformers, by name of the hub or by folder."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cxrneighbors.devices import resolve_device
from cxrneighbors.encoders.base import NOUN, check_images, unit_length
from cxrneighbors.errors import UserError, choose
from cxrneighbors.hub import cannot_load, hash_model_files, less_chatter, local_copy, looks_like_path
from cxrneighbors.models import build_model, read_config, save_config
from cxrneighbors.progress import is_quiet

if TYPE_CHECKING:
    from cxrneighbors.encoders.image_processor import FilmProcessor
    from cxrneighbors.encoders.vision_network import VisionNetwork

ALIASES = {
    "rad-dino": "microsoft/rad-dino",
    "dinov2": "facebook/dinov2-base",
    "clip": "openai/clip-vit-base-patch32",
    "siglip": "google/siglip-base-patch16-224",
}
BATCH = 32
_REMEDY = "give a folder with a transformers vision model, or the name of one on the Hugging Face hub"


class FoundationEncoder:
    """Vectors of films from a published vision model: DINOv2, DINOv3, RAD-DINO, ViT, CLIP, SigLIP, ...

    `model`: a folder or a name on the Hugging Face hub ('rad-dino', 'dinov2', 'clip' and 'siglip' stand for
    the usual ones). Only a hub name ever fetches anything; code that comes with a model is never run.
    `pooling`: 'auto', 'projection', 'pooler', 'class' or 'mean' (`encoders.vision_network.VisionNetwork`).
    `normalise`: vectors of length 1, so that Euclidean distance ranks as the cosine does, which is how such
    models are compared; without it the model's own lengths count.
    `revision`: branch, tag or commit of a hub name; the manifest keeps the commit.

    Films are brought to size by the model's own image processor (`encoders.image_processor`), grey in all
    three channels. Exposure is not standardised beyond that: such models were trained without it.
    """

    aspect = "own"

    def __init__(
        self,
        model: str,
        pooling: str = "auto",
        normalise: bool = True,
        revision: str | None = None,
        device: str = "auto",
    ) -> None:
        self.model = str(Path(model).resolve()) if Path(model).is_dir() else str(model)
        self.pooling = choose("pooling", pooling, ("auto", "projection", "pooler", "class", "mean"))
        self.normalise = normalise
        self.revision = revision
        self.device = device
        if not self._is_folder and looks_like_path(self.model):
            raise UserError(f"{self._what}: no such folder; {_REMEDY}")

    @property
    def name(self) -> str:
        """The model's name; for a folder the folder's own name."""
        return Path(self.model).name if self._is_folder else self.model

    @property
    def image_size(self) -> int:
        """Pixels a side of what the network sees."""
        return self._processor.image_size

    @cached_property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.encode(np.zeros((1, 1, self.image_size, self.image_size), np.float32)).shape[1])

    def config(self) -> dict[str, Any]:
        """What identifies the encoder: model, the pooling it takes, and the commit of a hub name."""
        commit = None if self._is_folder else self._folder.name
        pooling = self._network.pooling
        return {"model": self.model, "pooling": pooling, "normalise": self.normalise, "revision": commit}

    def weights_hash(self) -> str:
        """SHA-256 over names and bytes of the model's weights, its settings and its image processor's."""
        return self._hash

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """A film float32 (H, W) in [0, 1] as the model's processor resizes and crops it: (1, S, S)."""
        return self._processor.prepare(pixels)

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Vectors float32 (N, D) of images float32 (N, 1, S, S) in [0, 1], as `prepare` gives them."""
        from cxrneighbors.encoders.forward import forward

        images, size = check_images(images), self.image_size
        if images.shape[-2:] != (size, size):
            raise ValueError(f"images must be (N, 1, {size}, {size}), got {images.shape}; see prepare()")
        if not len(images):
            return np.zeros((0, self.dim), np.float32)
        device = resolve_device(self.device)
        network, standardise = self._network.to(device), self._processor.standardise
        vectors = forward(lambda batch: network(standardise(batch)), images, device, BATCH)
        return unit_length(vectors) if self.normalise else vectors

    def save(self, folder: str | Path) -> None:
        """Write config.json with a reference to the model (name or folder) and the hash of its files."""
        save_config(folder, NOUN, "foundation", self.config(), self.weights_hash())

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> FoundationEncoder:
        """Read a reference that `save` wrote; refuse a model whose files have changed since."""
        encoder = build_model(cls, folder, NOUN, device=device)
        if encoder.weights_hash() != read_config(folder, NOUN)["weights_hash"]:
            raise UserError(
                f"{encoder._what}: its files are not those that {folder} was saved with; "
                "bring the old model back or encode again"
            )
        return encoder

    @property
    def _is_folder(self) -> bool:
        return Path(self.model).is_dir()

    @property
    def _what(self) -> str:
        return f"image encoder {self.model!r}"

    @property
    def _source(self) -> str:
        return ALIASES.get(self.model, self.model)

    @cached_property
    def _processor(self) -> FilmProcessor:
        from cxrneighbors.encoders.image_processor import read_processor

        try:
            with less_chatter(keep_bars=False, warnings=False):
                return read_processor(self._source, self._what, self.revision)
        except UserError:
            raise
        except Exception as error:  # transformers raises what it likes
            raise cannot_load(self._what, error, _REMEDY) from error

    @cached_property
    def _network(self) -> VisionNetwork:
        from cxrneighbors.encoders.vision_network import load_vision_network

        size = self.image_size
        try:
            with less_chatter(keep_bars=not self._is_folder and not is_quiet(), warnings=False):
                return load_vision_network(self._source, self._what, self.pooling, size, self.revision)
        except UserError:
            raise
        except Exception as error:
            raise cannot_load(self._what, error, _REMEDY) from error

    @cached_property
    def _folder(self) -> Path:
        """Where the model's files lie; for a hub name the local copy, fetched by loading it."""
        if self._is_folder:
            return Path(self.model)
        _ = self._network
        return local_copy(self._source, self.revision)

    @cached_property
    def _hash(self) -> str:
        from cxrneighbors.encoders.image_processor import PROCESSOR_FILES

        found = hash_model_files(self._folder, ("config.json", *PROCESSOR_FILES))
        if not found:
            raise UserError(f"{self._what}: no weights (*.safetensors, *.bin) in {self._folder}; {_REMEDY}")
        return found
