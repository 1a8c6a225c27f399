"""Where an index gets the encoders that made its vectors: from the embeddings, or from its own folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal, overload

from cxrneighbors.encoders.base import ImageEncoder, TextEncoder
from cxrneighbors.encoders.registry import load_encoder_folder
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.hub import stay_offline

Encoder = ImageEncoder | TextEncoder


class EncoderSource:
    """Gives the encoder of a modality, checked against the manifest and loaded when it is first asked for.

    `manifest`: what the embeddings' manifest says. `fetch`: whether a model that `folder` only names may come
    from the hub.
    """

    def __init__(
        self,
        manifest: dict[str, Any],
        embeddings: Embeddings | None = None,
        folder: Path | None = None,
        fetch: bool = False,
    ) -> None:
        self.manifest, self.fetch = manifest, fetch
        self._embeddings = embeddings
        self._folder = folder
        self._given: dict[str, Encoder] = {}

    def use(self, modality: str, encoder: Encoder) -> None:
        """Encode queries with `encoder`; refused unless name, settings and weights are the manifest's."""
        given = {"encoder": encoder.name, "config": encoder.config(), "weights_hash": encoder.weights_hash()}
        self.check(modality, given, "query")
        self._given[modality] = encoder

    def check(self, modality: str, given: Mapping[str, Any], act: str) -> None:
        """Raise `UserError` unless `given`, an encoder's entry of a manifest, is that of the index's vectors.

        `act`: what it is given for, 'query' or 'add'.
        """
        made_by = self._made_by(modality)
        for key, label in (("encoder", "name"), ("config", "settings"), ("weights_hash", "weights")):
            if _as_json(given.get(key)) != _as_json(made_by.get(key)):
                raise UserError(
                    f"{modality} encoder {given['encoder']!r}: its {label} differ from those of "
                    f"{made_by.get('encoder')!r}, which made the index; {act} with that one or index again"
                )

    @overload
    def get(self, modality: Literal["image"]) -> ImageEncoder: ...
    @overload
    def get(self, modality: Literal["report"]) -> TextEncoder: ...
    def get(self, modality: str) -> Encoder:
        """The encoder of 'image' or 'report'; a `UserError` where none was stored."""
        self._made_by(modality)
        if modality not in self._given:
            self.use(modality, self._load(modality))
        return self._given[modality]

    def _made_by(self, modality: str) -> dict[str, Any]:
        if modality not in self.manifest["modalities"]:
            raise UserError(
                f"{modality}: the index has no {modality} vectors; encode {modality}s and index both"
            )
        found: dict[str, Any] = self.manifest["modalities"][modality]
        return found

    def _load(self, modality: str) -> Encoder:
        if self._embeddings is not None:
            return self._embeddings.encoder(modality)
        if self._folder is None or not (self._folder / modality).is_dir():
            raise UserError(f"{modality} encoder: none is stored with this index; search by image id")
        with nullcontext() if self.fetch else stay_offline():
            encoder = load_encoder_folder(self._folder / modality)
            _ = encoder.dim, getattr(encoder, "image_size", None)  # what else would be loaded on first use
        return encoder

    def save(self, folder: Path) -> None:
        """Copy the encoders to `folder`/<modality>/; nothing where there are none."""
        if self._embeddings is not None:
            self._embeddings.save_encoders(folder)
        elif self._folder is not None and self._folder.is_dir():
            shutil.copytree(self._folder, folder)

    def moved_to(self, folder: Path) -> None:
        """Read encoders from `folder` from now on, where `save` put them."""
        if folder.is_dir():
            self._folder, self._embeddings = folder, None


def _as_json(value: Any) -> str:
    """A manifest comes back from JSON, where a tuple is a list."""
    return json.dumps(value, sort_keys=True)
