"""Train, validation and test sets that never share a patient."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from cxrneighbors.data.schema import SPLITS

_SPELLINGS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "validate", "dev"),
    "test": ("test", "testing"),
}


def split_named(text: str) -> str | None:
    """The split that a data set's spelling means, in any case; None for no split.

    >>> split_named("Validate"), split_named("fold 1")
    ('val', None)
    """
    return next((split for split, names in _SPELLINGS.items() if text.lower() in names), None)


def patient_split(
    patient_ids: Iterable[object], seed: int = 0, fractions: tuple[float, float, float] = (0.6, 0.1, 0.3)
) -> np.ndarray:
    """Assign every row to 'train', 'val' or 'test' by its patient.

    `patient_ids`: N ids, one per image. `fractions`: expected shares of patients in train, val and test,
    non-negative, summing to 1. Returns an object array (N,).

    The split is a pure hash of (seed, patient id): adding or removing patients changes nobody else's, and
    the same patient always falls on the same side. Shares are therefore met only on average.
    Raises `ValueError` for fractions that are no shares.
    """
    shares = np.asarray(fractions, dtype=float)
    if shares.shape != (3,) or (shares < 0).any() or not np.isclose(shares.sum(), 1):
        raise ValueError(f"fractions must be three shares summing to 1, got {fractions}")
    ids = [str(patient) for patient in patient_ids]
    edges = np.cumsum(shares)[:2]
    of_patient = {
        patient: SPLITS[int(np.searchsorted(edges, uniform_hash(patient, seed), side="right"))]
        for patient in set(ids)
    }
    return np.array([of_patient[patient] for patient in ids], dtype=object)


def patient_folds(patient_ids: Iterable[object], n_folds: int = 3, seed: int = 0) -> np.ndarray:
    """Fold of every row by its patient: int64 (N,), 0..n_folds-1.

    As `patient_split` a pure hash of (seed, patient id), and independent of that split: the folds of the
    patients of one split are about equally large.
    """
    ids = [str(patient) for patient in patient_ids]
    of_patient = {patient: int(n_folds * uniform_hash(f"fold\x1f{patient}", seed)) for patient in set(ids)}
    return np.array([of_patient[patient] for patient in ids], dtype=np.int64)


def carve_validation(
    split: Iterable[str], patient_ids: Iterable[object], seed: int = 0, fraction: float = 1 / 7
) -> np.ndarray:
    """Turn a published train/test split into train/val/test: `fraction` of the train patients become 'val'.

    `split`: N values 'train' or 'test'; rows of 'test' stay. Returns an object array (N,).
    """
    drawn = patient_split(patient_ids, seed=seed, fractions=(1 - fraction, fraction, 0.0))
    given = np.array(list(split), dtype=object)
    return np.where(given == "train", drawn, given)


def fill_splits(given: Sequence[str | None], patient_ids: Sequence[str], drawn: Sequence[str]) -> np.ndarray:
    """Splits of N images, object (N,): the given one; else the patient's of other images, test before train
    before val; else the `drawn` one.
    """
    sides: dict[str, set[str]] = {}
    for patient, side in zip(patient_ids, given, strict=True):
        sides.setdefault(patient, set()).update([side] if side else [])
    rows = zip(given, patient_ids, drawn, strict=True)
    return np.array([side or min(sides[patient] or {other}) for side, patient, other in rows], dtype=object)


def uniform_hash(text: str, seed: int) -> float:
    """A number in [0, 1) that depends on `text` and `seed` alone, on every machine."""
    digest = hashlib.blake2b(f"{seed}\x1f{text}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53
