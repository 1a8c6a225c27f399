"""Slips of the pen in the long words that matter: one letter more, less, other, or two swapped."""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_lowercase

# Long enough that no other word is one slip away that keeps the first and last letter.
_WORDS = (
    "atelectasis", "cardiomegaly", "cardiomediastinal", "congestion", "consolidation", "effusion",
    "emphysema", "fracture", "granuloma", "infiltrate", "infiltration", "lymphadenopathy", "oedema",
    "pneumonia", "pneumothorax", "scoliosis", "silhouette", "tuberculosis",
)  # fmt: skip


def one_slip_away(word: str) -> Iterator[str]:
    """What `word` becomes by one slip that keeps its first and last letter."""
    for i in range(1, len(word) - 1):
        yield word[:i] + word[i + 1 :]
        yield from (word[:i] + letter + word[i + 1 :] for letter in ascii_lowercase)
    for i in range(1, len(word)):
        yield from (word[:i] + letter + word[i:] for letter in ascii_lowercase)
    for i in range(1, len(word) - 2):
        yield word[:i] + word[i + 1] + word[i] + word[i + 2 :]


_CORRECT = {slip: word for word in _WORDS for slip in one_slip_away(word)}


def correct(word: str) -> str:
    """The word that was meant, in lower case; any other as it is.

    >>> [correct(word) for word in ("efusion", "pnuemothorax", "infusion", "pneumonic")]
    ['effusion', 'pneumothorax', 'infusion', 'pneumonic']
    """
    return _CORRECT.get(word, word)
