"""Which films contrastive learning calls alike: a film and itself, or two films of one patient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset

from cxrneighbors.data.schema import has_text
from cxrneighbors.encoders.base import check_images
from cxrneighbors.errors import UserError
from cxrneighbors.statistics.patients import patient_codes
from cxrneighbors.training.batches import EpochBatches
from cxrneighbors.training.images import FileImages, MemoryImages, open_readable, to_bytes

Pair = tuple[Tensor, Tensor, Tensor]


class PatientFilms(Dataset[Pair]):
    """Films and whose they are; an item is a batch of pairs.

    2n positions, the films and then their partners -> two float32 (n, 1, H, W) in [0, 1], and the patients
    int64 (n,) of the films. Pairs of which a film cannot be read are left out.
    """

    def __init__(self, images: MemoryImages | FileImages, patients: np.ndarray) -> None:
        self.images = images
        self.patients = patients

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, positions: list[int]) -> Pair:
        n = len(positions) // 2
        images, kept = self.images.read(positions)
        row = np.full(2 * n, -1)
        row[kept] = np.arange(len(kept))
        both = (row[:n] >= 0) & (row[n:] >= 0)
        if not both.any():
            raise UserError("contrastive training: no pair of a batch can be read; import the images again")
        whose = self.patients[np.asarray(positions[:n])[both]]
        return images[row[:n][both]], images[row[n:][both]], torch.from_numpy(whose)


TrainAndVal = tuple[PatientFilms, PatientFilms | None]


class PairBatches(EpochBatches):
    """Batches of positions, each followed by the positions of their partners.

    `patients`: int64 (N,), whose film each position is. A film's partner is with chance `share` another film
    of its patient, where there is one, else itself; drawn anew each epoch, unless `seed` is None.
    """

    def __init__(
        self, sizes: Sequence[int], seed: int | None, patients: np.ndarray, share: float = 0.0
    ) -> None:
        super().__init__(range(len(patients)), sizes, seed)
        self.share = share
        self._order = np.argsort(patients, kind="stable")  # films of one patient side by side
        _, self._first, code, self._count = np.unique(
            patients[self._order], return_index=True, return_inverse=True, return_counts=True
        )
        self._place = np.argsort(self._order)
        self._code = code[self._place]

    def __iter__(self) -> Iterator[list[int]]:
        for films in super().__iter__():
            drawn = (0, 0) if self.seed is None else (self.seed, self.epoch)
            rng = np.random.default_rng([*drawn, films[0]])
            yield films + self.partners(np.asarray(films), rng).tolist()

    def partners(self, films: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A partner of each film: int64 (n,)."""
        code = self._code[films]
        first, count = self._first[code], self._count[code]
        step = 1 + rng.integers(np.maximum(count - 1, 1))
        other = self._order[first + (self._place[films] - first + step) % count]
        return np.where(rng.random(len(films)) < self.share, other, films)


def films_to_learn_from(data: pd.DataFrame | np.ndarray, size: int, aspect: str) -> TrainAndVal:
    """The films to train on, and those to validate on where a table has rows of split 'val'.

    Of an array (N, 1, size, size) in [0, 1] each film is a patient's of its own, and none validates.
    """
    if not isinstance(data, pd.DataFrame):
        if check_images(data).shape[-2:] != (size, size):
            raise ValueError(f"images must be (N, 1, {size}, {size}), got {data.shape}")
        return _enough(PatientFilms(MemoryImages(to_bytes(data)), np.arange(len(data)))), None
    train, val = rows_to_learn_from(data)
    films = _enough(_open(train, size, aspect))
    return films, _open(val, size, aspect) if len(val) else None


def rows_to_learn_from(studies: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows with pixels of split 'train' and of split 'val'; 'test' is never looked at."""
    rows = studies[has_text(studies["path"])]
    train = rows[rows["split"] == "train"]
    if not len(train):
        raise UserError("study table: no row of split 'train' has a path; an encoder learns from those")
    return train, rows[rows["split"] == "val"]


def check_partners(films: PatientFilms) -> None:
    """Raise `UserError` where no patient has two films, so that a film has no partner but itself."""
    if len(np.unique(films.patients)) == len(films):
        raise UserError("positives 'patient': no patient has two films to train on; take 'film'")


def _open(rows: pd.DataFrame, size: int, aspect: str) -> PatientFilms:
    images, kept = open_readable(list(rows["path"]), size, aspect)
    return PatientFilms(images, patient_codes(rows)[kept])


def _enough(films: PatientFilms) -> PatientFilms:
    if len(np.unique(films.patients)) < 2:
        raise UserError(
            "contrastive training: films of fewer than 2 patients can be read, so none are unlike; add images"
        )
    return films
