"""Which films a VAE trains on and which it validates on."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from cxrneighbors.data.schema import has_text
from cxrneighbors.encoders.base import check_images
from cxrneighbors.errors import UserError
from cxrneighbors.training.images import FileImages, MemoryImages, open_images, to_bytes


def training_images(
    data: pd.DataFrame | np.ndarray, size: int, aspect: str, seed: int
) -> tuple[MemoryImages | FileImages, MemoryImages | FileImages]:
    """The films of a study table or of an array (N, 1, size, size) in [0, 1]: to train and to validate on."""
    train: MemoryImages | FileImages
    val: MemoryImages | FileImages
    if isinstance(data, pd.DataFrame):
        train, val = (open_images(list(part["path"]), size, aspect) for part in split_rows(data, seed))
    elif data.shape[-2:] != (size, size):
        raise ValueError(f"images must be (N, 1, {size}, {size}), got {data.shape}")
    else:
        train, val = (MemoryImages(to_bytes(part)) for part in split_array(data, seed))
    if len(train) < 2 or not len(val):
        raise UserError("VAE: fewer than 2 readable images to train on or none to validate on; add images")
    return train, val


def split_rows(studies: pd.DataFrame, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to train and to validate on: splits 'train' and 'val' of rows with pixels, never 'test'.

    Without a 'val' row, the tenth of the training patients whose hash comes first (at least one) validates.
    """
    rows = studies[has_text(studies["path"])]
    train, val = rows[rows["split"] == "train"], rows[rows["split"] == "val"]
    if not len(train):
        raise UserError(
            "study table: no row of split 'train' has a path; a VAE is trained on those, import some"
        )
    if len(val):
        return train, val
    held_out = _tenth(sorted(set(train["patient_id"])), seed)
    is_val = train["patient_id"].isin(held_out)
    return train[~is_val], train[is_val]


def split_array(images: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Nine tenths to train and a tenth to validate on, of images without patients."""
    images = check_images(images)
    held_out = {int(name) for name in _tenth([str(i) for i in range(len(images))], seed)}
    is_val = np.array([i in held_out for i in range(len(images))])
    return images[~is_val], images[is_val]


def _tenth(names: list[str], seed: int) -> set[str]:
    def order(name: str) -> str:
        return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()

    return set(sorted(names, key=order)[: -(-len(names) // 10)])
