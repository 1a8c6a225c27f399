"""From a study table to what a classifier trains on: rows, patient splits, targets and batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.data.schema import NO_FINDING, SPLITS, has_text
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import carve_validation, patient_split
from cxrneighbors.errors import UserError
from cxrneighbors.progress import say
from cxrneighbors.training.batches import EpochBatches, batch_loader, full_sizes
from cxrneighbors.training.images import (
    MEMORY_LIMIT,
    FileImages,
    MemoryImages,
    fit_in_memory,
    pixel_digests,
    read_images,
    survey_images,
)


@dataclass(frozen=True)
class TrainingData:
    """Images with their targets.

    `rows`: the study-table rows used, M of them. `images`: theirs. `targets`: float32 (M, C) in {0, 1}
    for a multi-label classifier, int64 (M,) otherwise.
    """

    rows: pd.DataFrame
    images: MemoryImages | FileImages
    targets: np.ndarray
    skipped: Skipped = field(default_factory=Skipped)

    def positions(self, split: str) -> np.ndarray:
        """Positions of a split's images: int64 (n,)."""
        return np.flatnonzero((self.rows["split"] == split).to_numpy())


def prepare(
    studies: pd.DataFrame, model: Classifier, seed: int, memory_limit: int = MEMORY_LIMIT
) -> TrainingData:
    """Choose rows, split by patient, read images, encode targets, as `model` wants them.

    Unlabelled rows, rows without an image file and, for a single-label classifier, rows without exactly one
    of its labels are left out; how many is told on standard error. Images that take more than `memory_limit`
    bytes are read once to be checked, then again for each batch. Raises `UserError` when nothing is left
    to train on, a label has no positive training image, or a patient or image is in two splits.
    """
    labels = model.labels
    rows = usable_rows(studies, labels, model.multi_label)
    rows = rows.assign(split=split_by_patient(rows, seed))
    skipped = Skipped("train-classifier")
    images, kept, digests = _images(rows, model, skipped, memory_limit)
    if len(skipped):
        say(f"{len(skipped)} of {len(rows)} images cannot be read, see skipped.csv")
    rows = rows.iloc[kept].reset_index(drop=True)
    targets = encode_targets(rows["findings"], labels, model.multi_label)
    data = TrainingData(rows, images, targets, skipped)
    check_no_leak(rows, digests)
    check_positives(targets[data.positions("train")], labels)
    return data


def _images(
    rows: pd.DataFrame, model: Classifier, skipped: Skipped, memory_limit: int
) -> tuple[MemoryImages | FileImages, np.ndarray, list[str]]:
    """The readable images, their positions in `rows` and the digests of their pixels."""
    paths, names = rows["path"].tolist(), rows["image_id"].tolist()
    if not fit_in_memory(len(paths), model.image_size, memory_limit):
        return survey_images(paths, model.image_size, model.aspect, skipped, names)
    images, kept = read_images(paths, model.image_size, model.aspect, skipped, names)
    return images, kept, pixel_digests(images.pixels.numpy())


def usable_rows(studies: pd.DataFrame, labels: Sequence[str], multi_label: bool) -> pd.DataFrame:
    """Rows with an image file and a target, the index reset."""
    reasons = {
        "without an image file": ~has_text(studies["path"]),
        "not labelled": np.array([not findings for findings in studies["findings"]], dtype=bool),
    }
    if not multi_label:
        hits = np.array([len(set(labels) & set(findings)) for findings in studies["findings"]], dtype=int)
        reasons["without exactly one of the classes"] = hits != 1
    keep = np.ones(len(studies), dtype=bool)
    for reason, bad in reasons.items():
        dropped = int((keep & bad).sum())
        if dropped:
            say(f"{dropped} of {len(studies)} rows left out: {reason}")
        keep &= ~bad
    if not keep.any():
        raise UserError(
            f"study table: no row of {len(studies)} has an image file and findings among "
            f"{', '.join(labels)}; check the table and --labels"
        )
    return studies[keep].reset_index(drop=True)


def with_no_finding(labels: Sequence[str]) -> list[str]:
    """`labels` with "No Finding" among them, last unless it is there.

    >>> with_no_finding(["Edema", "Hernia"])
    ['Edema', 'Hernia', 'No Finding']
    """
    return [*labels, NO_FINDING] if NO_FINDING not in labels else list(labels)


def default_labels(studies: pd.DataFrame, least: int = 10) -> list[str]:
    """Findings with at least `least` images, by name; "No Finding" is the absence of all, not one of them."""
    counts = studies["findings"].explode().value_counts()
    names = sorted(str(name) for name, count in counts.items() if count >= least and name != NO_FINDING)
    if not names:
        raise UserError(f"study table: no finding has {least} images; name the labels with --labels")
    return names


def default_classes(studies: pd.DataFrame) -> list[str]:
    """All findings of the table by name, "No Finding" among them: classes that exclude each other."""
    names = sorted({str(name) for findings in studies["findings"] for name in findings})
    if len(names) < 2:
        raise UserError(
            f"study table: has {'only the class ' + names[0] if names else 'no findings'}; "
            "a classifier needs two classes or more"
        )
    return names


def split_by_patient(rows: pd.DataFrame, seed: int) -> np.ndarray:
    """The table's own split, completed where a part is missing: object (N,) of 'train', 'val', 'test'.

    A table that is all 'train' is split 60/10/30 by patient; one with a test set but no validation set gives
    a seventh of its training patients to validation. Both are a hash of patient and `seed`.
    """
    split = rows["split"].to_numpy(dtype=object)
    present = set(split)
    if present == {"train"}:
        say("the table has no test split: patients are split 60/10/30 into train, val and test")
        return patient_split(rows["patient_id"], seed=seed)
    if "val" not in present and "train" in present:
        say("the table has no validation split: a seventh of the training patients are held out for it")
        return carve_validation(split, rows["patient_id"], seed=seed)
    return split


def encode_targets(findings: Iterable[Sequence[str]], labels: Sequence[str], multi_label: bool) -> np.ndarray:
    """Multi-hot float32 (N, C), or the index of the one label each row has: int64 (N,)."""
    hot = np.array([[label in row for label in labels] for row in findings], dtype=np.float32)
    hot = hot.reshape(-1, len(labels))
    return hot if multi_label else hot.argmax(1).astype(np.int64)


def check_positives(targets: np.ndarray, labels: Sequence[str]) -> None:
    """Raise `UserError` when there is no training image, or none has a label."""
    if not len(targets):
        raise UserError("study table: no training image is left; check the split column and the image files")
    counts = targets.sum(0) if targets.ndim == 2 else np.bincount(targets, minlength=len(labels))
    absent = [label for label, count in zip(labels, counts, strict=True) if not count]
    if len(absent) == len(labels) or (absent and targets.ndim == 1):
        raise UserError(f"labels: no training image has {', '.join(absent)}; change --labels or the table")
    if absent:
        say(f"no training image has {', '.join(absent)}: these outputs learn only to stay low")


def check_no_leak(rows: pd.DataFrame, digests: Sequence[str]) -> None:
    """Raise `UserError` when a patient, or an image by the digest of its pixels, is in two splits."""
    # Data sets number their patients independently: a patient is a (dataset, patient_id) pair.
    parts = rows.groupby(["dataset", "patient_id"])["split"].nunique()
    if (parts > 1).any():
        dataset, patient = parts.index[parts > 1][0]
        shared = rows[(rows["dataset"] == dataset) & (rows["patient_id"] == patient)]
        raise UserError(
            f"study table: patient {patient!r} of {dataset} is in {_split_names(shared)}; "
            "keep all images of a patient in one split"
        )
    pictures = np.array(digests, dtype=object)
    parts = rows.groupby(pictures)["split"].nunique()
    if (parts > 1).any():
        same = rows[pictures == parts.index[parts > 1][0]]
        raise UserError(
            f"study table: {same['image_id'].iloc[0]!r} and {same['image_id'].iloc[-1]!r} are the same "
            f"image, in {_split_names(same)}; drop one of them or put both in one split"
        )


def _split_names(rows: pd.DataFrame) -> str:
    return " and ".join(name for name in SPLITS if name in set(rows["split"]))


def label_weights(targets: np.ndarray, n_labels: int) -> np.ndarray:
    """Weights that balance rare labels: float32 (C,).

    Multi-label: negatives per positive, the weight of a positive in the loss, at most 100. Single-label:
    inverse frequency with mean 1 over the images. A label without images weighs 1.
    """
    if targets.ndim == 2:
        positives = targets.sum(0)
        weights = np.where(positives > 0, (len(targets) - positives) / np.maximum(positives, 1), 1.0)
        return np.clip(weights, 0.01, 100).astype(np.float32)
    counts = np.bincount(targets, minlength=n_labels)
    weights = np.where(counts > 0, len(targets) / (np.maximum(counts, 1) * np.count_nonzero(counts)), 1.0)
    return weights.astype(np.float32)


def label_shares(targets: np.ndarray, n_labels: int) -> np.ndarray:
    """Share of the images that has each label: float (C,) in [0, 1]."""
    counts = targets.sum(0) if targets.ndim == 2 else np.bincount(targets, minlength=n_labels)
    shares: np.ndarray = counts / len(targets)
    return shares


class LabelledImages(Dataset[tuple[Tensor, Tensor]]):
    """Whole batches: item `positions` is (images float32 (B, 1, H, W), targets (B, ...))."""

    def __init__(self, data: TrainingData) -> None:
        self.images, self.targets = data.images, torch.from_numpy(data.targets)

    def __getitem__(self, positions: list[int]) -> tuple[Tensor, Tensor]:
        images = self.images[positions]
        if len(images) < len(positions):
            raise UserError(
                f"training images: {len(positions) - len(images)} of a batch can no longer be read; "
                "put the files back and run the same command again"
            )
        return images, self.targets[positions]


def split_loader(data: TrainingData, split: str, batch_size: int, seed: int) -> DataLoader[Any]:
    """Batches of a split: shuffled by (seed, epoch) for 'train', in order for the others."""
    positions = data.positions(split)
    training = split == "train"
    # A single image has no batch statistics; it waits for another epoch's order.
    sizes = full_sizes(len(positions), batch_size, least=2 if training else 1)
    order = EpochBatches(positions, sizes, seed if training else None)
    return batch_loader(
        LabelledImages(data), order, workers=0 if isinstance(data.images, MemoryImages) else 2
    )
