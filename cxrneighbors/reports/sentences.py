"""Sentences of radiology prose."""

from __future__ import annotations

import re

from cxrneighbors.reports.abbreviations import ABBREVIATIONS
from cxrneighbors.reports.cleaning import unwrap

_MARKER = re.compile(r"^(?:\d{1,2}[.)]|[-*•])\s+(?=\S)")
_INLINE_MARKER = re.compile(r"(?:^|(?<=[.?!:;])\s+)(\d{1,2})[.)]\s+(?=[A-Z_])")
_STOP = re.compile(r"[.?!]+[\"')\]]*\s+(?=\S)")


def split_sentences(text: str) -> list[str]:
    """Split report text into sentences, in order, stripped; list numbers and bullets are taken off.

    A full stop ends no sentence inside a number (1.5 cm), after an abbreviation (Dr., vs., e.g.), or after an
    initial. Blank lines and list items always end one, a line break inside a paragraph does not. Fragments
    without letters or digits are dropped.

    >>> split_sentences("Nodule of 1.5 cm vs. prior.\\n1. No effusion. 2. Heart size\\nis normal.")
    ['Nodule of 1.5 cm vs. prior.', 'No effusion.', 'Heart size is normal.']
    """
    sentences: list[str] = []
    for line in unwrap(text).split("\n"):
        for item in _list_items(_MARKER.sub("", line)):
            sentences += _split_item(item)
    return [sentence for sentence in sentences if any(char.isalnum() for char in sentence)]


def _list_items(line: str) -> list[str]:
    """Cut a line at numbers that count on from 1 (or from the first one found): '1. a 2. b'."""
    items, start, expected = [], 0, None
    for mark in _INLINE_MARKER.finditer(line):
        number = int(mark[1])
        if number != expected and not (expected is None and number <= 2):
            continue
        items.append(line[start : mark.start()])
        start, expected = mark.end(), number + 1
    return [*items, line[start:]]


def _split_item(item: str) -> list[str]:
    pieces, start = [], 0
    for stop in _STOP.finditer(item):
        if item[stop.start()] == "." and _goes_on(item[start : stop.start()], item[stop.end() :]):
            continue
        pieces.append(item[start : stop.end()].strip())
        start = stop.end()
    return [*pieces, item[start:].strip()]


def _goes_on(before: str, after: str) -> bool:
    """Whether the full stop between the two texts ends no sentence."""
    words = before.split()
    word = words[-1].lstrip("([\"'") if words else ""
    if word.lower() in ABBREVIATIONS:
        return True
    if word.lower() in ("no", "nos"):  # 'No. 3', but 'Effusion? No. The heart ...'
        return after[0].isdigit()
    if len(word) == 1 and word.isalpha():  # an initial: 'Dr. J. Smith', 'R. lung'; not 'hepatitis C. The'
        previous = words[-2] if len(words) > 1 else ""
        return after[0].islower() or previous == "" or previous.endswith(".")
    return False
