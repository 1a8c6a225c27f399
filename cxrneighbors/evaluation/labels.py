"""Findings as bit masks: N lists of names become N rows of 64-bit words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cxrneighbors.data.schema import NO_FINDING

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
        word, bit = divmod(self.names.index(name), WORD)
        return np.asarray((self.masks[:, word] >> np.uint64(bit)) & np.uint64(1) != 0)

    def membership(self) -> np.ndarray:
        """Which row carries which finding: bool (N, C)."""
        if not self.names:
            return np.zeros((len(self.masks), 0), dtype=bool)
        return np.stack([self.has(name) for name in self.names], axis=1)

    def without(self, name: str) -> Labels:
        """The same labels with the bit of `name` cleared everywhere (nothing happens if it is unknown)."""
        if name not in self.names:
            return self
        word, bit = divmod(self.names.index(name), WORD)
        masks = self.masks.copy()
        masks[:, word] &= ~(np.uint64(1) << np.uint64(bit))
        return Labels(self.names, masks)

    def only(self, name: str) -> Labels:
        """The same labels with every bit but that of `name` cleared."""
        word, bit = divmod(self.names.index(name), WORD)
        masks = np.zeros_like(self.masks)
        masks[:, word] = self.masks[:, word] & (np.uint64(1) << np.uint64(bit))
        return Labels(self.names, masks)

    def take(self, rows: np.ndarray) -> Labels:
        """The labels of some rows, in the order asked for."""
        return Labels(self.names, self.masks[rows])


def encode_labels(findings: Iterable[Sequence[str]]) -> Labels:
    """Turn N lists of finding names into `Labels`; `[]` becomes a mask of zeros (not labelled).

    >>> labels = encode_labels([["Edema", "Mass"], ["No Finding"], []])
    >>> labels.names, labels.masks[:, 0].tolist()
    (('Edema', 'Mass', 'No Finding'), [3, 4, 0])
    """
    lists = [list(names) for names in findings]
    vocabulary = tuple(sorted({name for names in lists for name in names}))
    bit_of = {name: divmod(position, WORD) for position, name in enumerate(vocabulary)}
    words = max(1, -(-len(vocabulary) // WORD))
    masks = np.zeros((len(lists), words), dtype=np.uint64)
    for row, names in enumerate(lists):
        for name in names:
            word, bit = bit_of[name]
            masks[row, word] |= np.uint64(1 << bit)
    return Labels(vocabulary, masks)


def disease_labels(labels: Labels) -> Labels:
    """Labels without "No Finding": what the definition `any-disease` compares."""
    return labels.without(NO_FINDING)
