"""Where an index gets the encoders that made its vectors: from the embeddings, or from its own folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from cxrneighbors.errors import UserError
from cxrneighbors.index.query_encoding import check_encoder


class EncoderSource:
    """Gives the encoder of a modality, checked against the manifest and loaded when it is first asked for."""

    def __init__(self, manifest: dict[str, Any], embeddings: Any = None, folder: Path | None = None) -> None:
        self.manifest = manifest
        self._embeddings = embeddings
        self._folder = folder
        self._given: dict[str, Any] = {}

    def use(self, modality: str, encoder: Any) -> None:
        """Encode queries with `encoder`; refused unless name, settings and weights are the manifest's."""
        check_encoder(encoder, modality, self.manifest)
        self._given[modality] = encoder

    def get(self, modality: str) -> Any:
        """The encoder of 'image' or 'report'; a `UserError` where none was stored."""
        if modality not in self.manifest["modalities"]:
            raise UserError(
                f"{modality}: the index has no {modality} vectors; encode {modality}s and index both"
            )
        if modality not in self._given:
            self.use(modality, self._load(modality))
        return self._given[modality]

    def _load(self, modality: str) -> Any:
        if self._embeddings is not None:
            return self._embeddings.encoder(modality)
        if self._folder is None or not (self._folder / modality).is_dir():
            raise UserError(f"{modality} encoder: none is stored with this index; search by image id")
        from cxrneighbors.encoders.registry import load_encoder_folder

        return load_encoder_folder(self._folder / modality)

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
