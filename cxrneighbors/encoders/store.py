"""The embedding store: a folder of shards, a manifest, and the encoders that made them.

EMB/manifest.json                     settings, encoders and their hashes, counts, "complete"
EMB/image/part-00000.parquet          image_id, vector (float32 list) of the first rows that have pixels
EMB/report/part-00000.parquet         the same of the first rows that have a report
EMB/encoders/image/, encoders/report/ config.json and weights (a language model is stored by reference)
EMB/skipped.csv                       what could not be encoded, and why
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import pandas as pd

from cxrneighbors.arguments import a_thing
from cxrneighbors.artifact import Kind
from cxrneighbors.data.skipped import SKIPPED_FILE
from cxrneighbors.encoders.base import MODALITIES, ImageEncoder, TextEncoder
from cxrneighbors.encoders.check import check_made_by
from cxrneighbors.encoders.registry import load_encoder_folder
from cxrneighbors.encoders.shards import Shard, read_shards
from cxrneighbors.errors import UserError, choose
from cxrneighbors.notebook import card, table

EMBEDDINGS = Kind("embeddings", 2, "encode")
OWN = (*MODALITIES, "encoders", SKIPPED_FILE)


@dataclass(repr=False)
class Embeddings:
    """Vectors per modality ('image', 'report').

    `ids[modality]`: N_m image ids; `vectors[modality]`: float32 (N_m, D_m), row i belongs to ids[i];
    `manifest`: what made them. A row without pixels or report is absent from that modality, never zeros.
    """

    ids: dict[str, list[str]]
    vectors: dict[str, np.ndarray]
    manifest: dict[str, Any]
    folder: Path | None = None
    encoders: dict[str, ImageEncoder | TextEncoder] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for modality in self.ids:
            choose("modality", modality, MODALITIES)
            vectors, ids = self.vectors[modality], self.ids[modality]
            if vectors.ndim != 2 or len(vectors) != len(ids):
                raise ValueError(
                    f"{modality} vectors must be ({len(ids)}, D), one per image id, got {vectors.shape}"
                )
            if len(set(ids)) != len(ids):
                raise ValueError(f"{modality} ids hold duplicates; give every image one vector")
            if not np.isfinite(vectors).all():
                row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
                raise ValueError(f"{modality} vector of image {ids[row]!r} is not finite; encode it again")

    def __repr__(self) -> str:
        """Short: what made how many vectors of how many dimensions."""
        parts = [f"{name} {n} × {d} ({encoder})" for name, encoder, n, d in self._rows()]
        return f"<Embeddings: {'; '.join(parts) or 'none'}>"

    def _repr_html_(self) -> str:
        headers = ("modality", "encoder", "vectors", "dimensions")
        return card("Embeddings", table(headers, self._rows()))

    def _rows(self) -> list[list[str]]:
        """Modality, encoder, count and dimensions as texts, a row a modality."""
        entries = self.manifest["modalities"]
        shapes = {name: self.vectors[name].shape for name in self.modalities}
        return [[name, entries[name]["encoder"], f"{n:,}", f"{d:,}"] for name, (n, d) in shapes.items()]

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those of 'image', 'report' that are there."""
        return tuple(modality for modality in MODALITIES if modality in self.ids)

    @classmethod
    def load(cls, folder: str | Path) -> Embeddings:
        """Read a complete store; a missing, unfinished or changed one raises a UserError."""
        folder = Path(folder)
        manifest = EMBEDDINGS.read(folder)
        try:
            shards = {name: entry["shards"] for name, entry in manifest["modalities"].items()}
        except (AttributeError, KeyError, TypeError):
            said = "does not describe embeddings; run encode again"
            raise UserError(f"{folder / 'manifest.json'}: {said}") from None
        parts = {name: read_shards(folder, name, of) for name, of in shards.items()}
        return cls.of_shards(parts, manifest, folder)

    @classmethod
    def of_shards(cls, parts: dict[str, Shard], manifest: dict[str, Any], folder: Path) -> Embeddings:
        """Embeddings of all rows of each modality as one shard."""
        ids = {modality: part.ids for modality, part in parts.items()}
        return cls(ids, {modality: part.vectors for modality, part in parts.items()}, manifest, folder)

    @classmethod
    def from_arrays(
        cls,
        image_ids: list[str],
        image: np.ndarray | None = None,
        report: np.ndarray | None = None,
        names: dict[str, str] | None = None,
    ) -> Embeddings:
        """Embeddings from other arrays: image, report float (N, D); a row of NaN lacks that modality.

        `names`: what the manifest calls each modality's encoder ('arrays' otherwise).
        """
        if isinstance(image_ids, str | Mapping) or getattr(image_ids, "ndim", 1) != 1:
            raise UserError(
                f"image_ids: {a_thing(image_ids)}; give a list of ids, from_arrays(ids, image=vectors)"
            )
        if image is None and report is None:
            raise UserError("from_arrays: no vectors; give image=, report= or both, one line for each id")
        ids: dict[str, list[str]] = {}
        vectors: dict[str, np.ndarray] = {}
        entries: dict[str, Any] = {}
        for modality, array in (("image", image), ("report", report)):
            if array is None:
                continue
            try:
                array = np.asarray(array, dtype=np.float32)
            except (TypeError, ValueError):
                raise UserError(
                    f"{modality}: {a_thing(array)} that holds no numbers of one shape; "
                    f"give an array ({len(image_ids)}, D)"
                ) from None
            if array.ndim != 2 or len(array) != len(image_ids):
                raise ValueError(f"{modality} must be ({len(image_ids)}, D), got {array.shape}")
            present = ~np.isnan(array).all(axis=1)
            ids[modality] = [str(name) for name, there in zip(image_ids, present, strict=True) if there]
            vectors[modality] = array[present]
            name = (names or {}).get(modality, "arrays")
            entries[modality] = {"encoder": name, "config": {}, "weights_hash": ""}
            entries[modality] |= {"dim": array.shape[1], "count": int(present.sum())}
        manifest = {"complete": True, "studies_hash": None, "modalities": entries}
        return cls(ids, vectors, manifest)

    def with_encoder(
        self,
        modality: str,
        encoder: ImageEncoder | TextEncoder,
        studies: pd.DataFrame,
        tolerance: float = 0.02,
        n_checked: int = 8,
    ) -> Embeddings:
        """These embeddings with `encoder` as what made the vectors of `modality`, for queries from outside.

        `studies`: table with the films (column path) or reports behind the ids. It is checked: up to
        `n_checked` of the rows, evenly spaced among those whose film can be read or that have a report, are
        encoded again. `tolerance`: how far a vector may lie from the stored one, as a share of the vectors'
        spread (root mean squared distance from their mean).

        Raises `UserError` for another dimension, where no row can be encoded, and where vectors differ.
        """
        choose("modality", modality, self.modalities)
        check_made_by(encoder, self.ids[modality], self.vectors[modality], studies, tolerance, n_checked)
        made_by = {
            "encoder": encoder.name,
            "config": encoder.config(),
            "weights_hash": encoder.weights_hash(),
        }
        entries = self.manifest["modalities"]
        manifest = {**self.manifest, "modalities": {**entries, modality: {**entries[modality], **made_by}}}
        return replace(self, manifest=manifest, encoders={**self.encoders, modality: encoder})

    @overload
    def encoder(self, modality: Literal["image"]) -> ImageEncoder: ...

    @overload
    def encoder(self, modality: Literal["report"]) -> TextEncoder: ...

    @overload
    def encoder(self, modality: str) -> ImageEncoder | TextEncoder: ...

    def encoder(self, modality: str) -> ImageEncoder | TextEncoder:
        """The encoder that made a modality's vectors, read back from the folder where it is not at hand."""
        choose("modality", modality, self.modalities)
        if modality not in self.encoders:
            if self.folder is None:
                raise UserError(
                    f"{modality} embeddings: given as arrays, without an encoder; add one with with_encoder()"
                )
            self.encoders[modality] = load_encoder_folder(stored_encoder(self.folder, modality))
        return self.encoders[modality]

    def save_encoders(self, folder: str | Path) -> None:
        """Write each modality's encoder to folder/<modality>/ (nothing for vectors given without one)."""
        for modality in self.modalities:
            if self.folder is not None or modality in self.encoders:
                self.encoder(modality).save(Path(folder) / modality)


def stored_encoder(folder: Path, modality: str) -> Path:
    """Where the encoder of a modality lies."""
    return folder / "encoders" / modality
