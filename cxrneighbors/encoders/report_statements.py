"""Sentences that say the same, and their opposites: what objective 'statements' learns from."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache

import pandas as pd

from cxrneighbors.encoders.texts import report_texts
from cxrneighbors.reports.labeler.labels import label_report
from cxrneighbors.reports.labeler.vocabulary import NO_FINDING
from cxrneighbors.reports.opposites import denied, other_side
from cxrneighbors.reports.sentences import split_sentences

Triple = tuple[str, str, str]
Statement = frozenset[tuple[str, str, str | None]]


@lru_cache(maxsize=1 << 16)
def statement_of(sentence: str) -> Statement:
    """What the labeler reads in a sentence: (finding, status, side) of each finding; empty for nothing."""
    return frozenset(
        (label.finding, label.status, label.side)
        for label in label_report(sentence)
        if label.finding != NO_FINDING or label.status == "present"
    )


def statement_triples(studies: pd.DataFrame) -> list[Triple]:
    """(sentence, another that states the same, its opposite) of every sentence of the reports, once each.

    Sentences come in the order of the table; the other is the next with the same statement, itself where
    there is none. The opposite has the other side where the sentence names one, every second time, and else
    denies what it states (`reports.opposites`). Sentences in which the labeler reads nothing are left out.
    """
    texts = report_texts(studies).dropna()
    sentences = dict.fromkeys(sentence for text in texts for sentence in split_sentences(text))
    same: dict[Statement, list[str]] = defaultdict(list)
    for sentence in sentences:
        if statement := statement_of(sentence):
            same[statement].append(sentence)
    triples = []
    for number, sentence in enumerate(each for group in same.values() for each in group):
        group = same[statement_of(sentence)]
        partner = group[(group.index(sentence) + 1) % len(group)]
        turned = other_side(sentence) if number % 2 else None
        triples.append((sentence, partner, turned or denied(sentence)))
    return triples
