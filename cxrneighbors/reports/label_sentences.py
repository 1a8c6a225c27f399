"""Sentences that speak of a finding, and their removal: a tighter bound than words can give."""

from __future__ import annotations

from collections.abc import Iterable

from cxrneighbors.reports.label_words import MASK, mask_label_words
from cxrneighbors.reports.labeler.mentions import find_mentions
from cxrneighbors.reports.sentences import split_sentences


def mask_label_sentences(text: str, findings: Iterable[str]) -> str:
    """`text` without every sentence that speaks of a finding: `___` where none is left.

    A sentence speaks of a finding when a word in it names one of `findings` (`mask_label_words`) or when the
    labeler reads a finding, a device or normality in it, whatever it says of them: a gap where a finding is
    present alone would tell it.

    >>> mask_label_sentences("Two views. The heart is large. No effusion.", ["Effusion"])
    'Two views.'
    """
    names = tuple(findings)
    kept = [
        sentence
        for sentence in split_sentences(text)
        if mask_label_words(sentence, names) == sentence and not find_mentions(sentence)
    ]
    return " ".join(kept) or MASK
