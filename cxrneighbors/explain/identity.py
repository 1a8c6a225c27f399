"""What results depend on, as hashes: a folder begun with another classifier or index is refused."""

from __future__ import annotations

import hashlib

import numpy as np
from torch import nn

from cxrneighbors.explain.predictor import Model
from cxrneighbors.index.fusion import VECTOR_MODALITIES
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.models import SavedModel, hash_tensors, state_arrays


def index_hash(index: NeighborIndex, modality: str = "image") -> str:
    """SHA-256, 64 hex digits, of what neighbours depend on: image ids in their order, and their vectors.

    `modality`: 'image', 'report', or 'fused' (both, and their weights).
    """
    digest = hashlib.sha256("\n".join(index.studies["image_id"]).encode())
    for name in VECTOR_MODALITIES if modality == "fused" else (modality,):
        if name in index.vectors:
            digest.update(np.ascontiguousarray(index.vectors[name]).tobytes())
    if modality == "fused":
        digest.update(repr(sorted(index.weights.items())).encode())
    return digest.hexdigest()


def model_hash(model: Model) -> str:
    """SHA-256 of a classifier's weights as 64 hex digits; of a plain function its name, which says less."""
    if isinstance(model, SavedModel):
        return model.weights_hash()
    if isinstance(model, nn.Module):
        return hash_tensors(state_arrays(model))
    return f"function {getattr(model, '__qualname__', type(model).__qualname__)}"
