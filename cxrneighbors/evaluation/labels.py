"""Findings as bit masks: N lists of names become N rows of 64-bit words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

WORD = 64


@dataclass(frozen=True)
class Labels:
    """Findings of N images over a vocabulary of C names.

    names: the C names in alphabetical order; bit c of a mask stands for `names[c]`.
    masks: uint64 (N, W), W = ceil(C / 64), at least 1.
    """

    names: tuple[str, ...]
    masks: np.ndarray

    @property
    def labelled(self) -> np.ndarray:
        """Rows with at least one finding ("No Finding" counts): bool (N,). `[]` means: nobody looked."""
        return np.asarray((self.masks != 0).any(axis=1))

    def has(self, name: str) -> np.ndarray:
        """Rows that carry finding `name`: bool (N,)."""
        return self.only(name).labelled

    def membership(self) -> np.ndarray:
        """Which row carries which finding: bool (N, C)."""
        has = [self.has(name) for name in self.names]
        return np.array(has, dtype=bool).reshape(len(has), len(self.masks)).T

    def without(self, name: str) -> Labels:
        """The same labels with the bit of `name` cleared everywhere (nothing happens if it is unknown)."""
        if name not in self.names:
            return self
        return Labels(self.names, self.masks & ~self._bit(name))

    def only(self, name: str) -> Labels:
        """The same labels with every bit but that of `name` cleared."""
        return Labels(self.names, self.masks & self._bit(name))

    def take(self, rows: np.ndarray) -> Labels:
        """The labels of some rows, in the order asked for."""
        return Labels(self.names, self.masks[rows])

    def _bit(self, name: str) -> np.ndarray:
        word, bit = divmod(self.names.index(name), WORD)
        return np.asarray(np.eye(1, self.masks.shape[1], word, dtype=np.uint64)[0] << np.uint64(bit))


def encode_labels(findings: Iterable[Sequence[str]]) -> Labels:
    """Turn N lists of finding names into `Labels`; `[]` becomes a mask of zeros (not labelled).

    >>> labels = encode_labels([["Edema", "Mass"], ["No Finding"], []])
    >>> labels.names, labels.masks[:, 0].tolist()
    (('Edema', 'Mass', 'No Finding'), [3, 4, 0])
    """
    lists = [list(names) for names in findings]
    rows = np.repeat(np.arange(len(lists)), np.array([len(names) for names in lists], dtype=np.int64))
    vocabulary, code = np.unique([name for names in lists for name in names], return_inverse=True)
    masks = np.zeros((len(lists), max(1, -(-len(vocabulary) // WORD))), dtype=np.uint64)
    np.bitwise_or.at(masks, (rows, code // WORD), np.uint64(1) << (code % WORD).astype(np.uint64))
    return Labels(tuple(vocabulary.tolist()), masks)
