"""The embedding store: a folder of shards, a manifest, and the encoders that made them.

EMB/manifest.json                     settings, encoders and their hashes, counts, "complete"
EMB/image/part-00000.parquet          image_id, vector (float32 list) of the first rows that have pixels
EMB/report/part-00000.parquet         the same of the first rows that have a report
EMB/encoders/image/, encoders/report/ config.json and weights (a language model is stored by reference)
EMB/skipped.csv                       what could not be encoded, and why
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cxrneighbors.encoders.base import MODALITIES
from cxrneighbors.encoders.shards import read_shard, shard_path
from cxrneighbors.errors import UserError, choose
from cxrneighbors.files import read_json, write_json_atomic

FORMAT = 1
MANIFEST = "manifest.json"


@dataclass
class Embeddings:
    """Vectors per modality ('image', 'report').

    `ids[modality]`: N_m image ids; `vectors[modality]`: float32 (N_m, D_m), row i belongs to ids[i];
    `manifest`: what made them. A row without pixels or report is absent from that modality, never zeros.
    """

    ids: dict[str, list[str]]
    vectors: dict[str, np.ndarray]
    manifest: dict[str, Any]
    folder: Path | None = None
    encoders: dict[str, Any] = field(default_factory=dict, repr=False)

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

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those of 'image', 'report' that are there."""
        return tuple(modality for modality in MODALITIES if modality in self.ids)

    @classmethod
    def load(cls, folder: str | Path) -> Embeddings:
        """Read a complete store; a missing, unfinished or changed one raises a UserError."""
        folder = Path(folder)
        manifest = read_manifest(folder)
        if not manifest["complete"]:
            raise UserError(f"{folder}: encoding was interrupted; run the same encode again, it continues")
        ids: dict[str, list[str]] = {}
        vectors: dict[str, np.ndarray] = {}
        for modality, entry in manifest["modalities"].items():
            ids[modality], vectors[modality] = _read_modality(folder, modality, entry)
        return cls(ids, vectors, manifest, folder)

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
        ids: dict[str, list[str]] = {}
        vectors: dict[str, np.ndarray] = {}
        entries: dict[str, Any] = {}
        for modality, array in (("image", image), ("report", report)):
            if array is None:
                continue
            array = np.asarray(array, dtype=np.float32)
            if array.ndim != 2 or len(array) != len(image_ids):
                raise ValueError(f"{modality} must be ({len(image_ids)}, D), got {array.shape}")
            present = ~np.isnan(array).all(axis=1)
            ids[modality] = [str(name) for name, there in zip(image_ids, present, strict=True) if there]
            vectors[modality] = array[present]
            name = (names or {}).get(modality, "arrays")
            entries[modality] = {"encoder": name, "config": {}, "weights_hash": ""}
            entries[modality] |= {"dim": array.shape[1], "count": int(present.sum())}
        manifest = {"format": FORMAT, "complete": True, "studies_hash": None, "modalities": entries}
        return cls(ids, vectors, manifest)

    def encoder(self, modality: str) -> Any:
        """The encoder that made a modality's vectors, read back from the folder and checked by its hash."""
        choose("modality", modality, self.modalities)
        if modality not in self.encoders:
            if self.folder is None:
                raise UserError(
                    f"{modality} embeddings: given as arrays, without an encoder; use encode() to make them"
                )
            self.encoders[modality] = load_stored_encoder(self.folder, modality, self.manifest)
        return self.encoders[modality]

    def save_encoders(self, folder: str | Path) -> None:
        """Write each modality's encoder to folder/<modality>/ (nothing for embeddings given as arrays)."""
        if self.folder is None and not self.encoders:
            return
        for modality in self.modalities:
            self.encoder(modality).save(Path(folder) / modality)


def load_stored_encoder(folder: Path, modality: str, manifest: dict[str, Any]) -> Any:
    """Read EMB/encoders/<modality> and refuse it when its weights are not those in the manifest."""
    from cxrneighbors.encoders.registry import load_encoder_folder

    path = folder / "encoders" / modality
    encoder = load_encoder_folder(path)
    if encoder.weights_hash() != manifest["modalities"][modality]["weights_hash"]:
        raise UserError(
            f"{path}: not the encoder that made these embeddings (a changed file or model); encode again"
        )
    return encoder


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """Read and check EMB/manifest.json."""
    path = Path(folder) / MANIFEST
    manifest = read_json(path, remedy="give a folder that encode wrote")
    if not isinstance(manifest, dict) or "modalities" not in manifest or "complete" not in manifest:
        raise UserError(f"{path}: not a manifest of embeddings; give a folder that encode wrote")
    if manifest.get("format") != FORMAT:
        raise UserError(
            f"{path}: format {manifest.get('format')!r}, this version reads {FORMAT}; encode again"
        )
    return manifest


def open_store(folder: Path, plan: dict[str, Any]) -> bool:
    """Start the store that `plan` (a manifest without counts) describes, or continue one with the same plan.

    Returns whether the store is complete already. A folder that holds anything else raises a UserError
    naming what differs.
    """
    if not (folder / MANIFEST).exists():
        if any((folder / modality).exists() for modality in MODALITIES):
            raise UserError(
                f"{folder}: holds shards but no {MANIFEST}; give another folder or delete this one"
            )
        write_json_atomic(folder / MANIFEST, plan)
        return False
    found = read_manifest(folder)
    for label, old, new in _differences(found, plan):
        raise UserError(
            f"{folder}: holds embeddings made with {label} {_short(old)}, now {_short(new)}; "
            "give another folder or delete this one"
        )
    return bool(found["complete"])


def close_store(folder: Path, plan: dict[str, Any], shards: dict[str, int]) -> list[tuple[str, str]]:
    """Fill in dimensions and counts from the shards, mark the store complete; return what was skipped."""
    skipped: list[tuple[str, str]] = []
    for modality, number_of_shards in shards.items():
        entry = plan["modalities"][modality]
        parts = [read_shard(shard_path(folder, modality, number)) for number in range(number_of_shards)]
        entry["dim"] = parts[0].vectors.shape[1]
        entry["count"] = sum(len(part.ids) for part in parts)
        entry["skipped"] = sum(len(part.skipped) for part in parts)
        entry["shards"] = number_of_shards
        skipped += [row for part in parts for row in part.skipped]
    write_json_atomic(folder / MANIFEST, {**plan, "complete": True})
    return skipped


def _differences(found: dict[str, Any], plan: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    old, new = found["modalities"], plan["modalities"]
    pairs: list[tuple[str, Any, Any]] = [("modalities", sorted(old), sorted(new))]
    for modality in sorted(set(old) & set(new)):
        for key in ("encoder", "config", "weights_hash", "inputs_hash"):
            pairs.append((f"{modality} {key}", old[modality].get(key), new[modality].get(key)))
    for key in ("studies_hash", "mask_labels", "shard_size"):
        pairs.append((key, found.get(key), plan.get(key)))
    return [(label, a, b) for label, a, b in pairs if a != b]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _read_modality(folder: Path, modality: str, entry: dict[str, Any]) -> tuple[list[str], np.ndarray]:
    paths = [shard_path(folder, modality, number) for number in range(entry["shards"])]
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: shard is missing; run encode again into a new folder")
    parts = [read_shard(path) for path in paths]
    ids = [name for part in parts for name in part.ids]
    for path, part in zip(paths, parts, strict=True):
        if part.vectors.shape[1] != entry["dim"]:
            raise UserError(
                f"{path}: vectors of {part.vectors.shape[1]} dimensions, "
                f"manifest says {entry['dim']}; encode again"
            )
    if len(ids) != entry["count"] or len(set(ids)) != len(ids):
        raise UserError(
            f"{folder / modality}: {len(ids)} vectors, manifest says {entry['count']}; encode again"
        )
    return ids, np.concatenate([part.vectors for part in parts])
