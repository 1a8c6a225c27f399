"""Phrases of the rule files: their small notation, and a book that finds the longest one at a word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cxrneighbors.errors import UserError
from cxrneighbors.reports.labeler.tokens import singular

GAP = "..."
MAX_GAP = 5
# A gap stays inside its clause.
_GAP_STOPS = frozenset([*".,;:?()", "and", "but", "or", "with", "without", "no", "which", "however"])


@dataclass(frozen=True)
class Match:
    """A phrase found: words `start` to `end` (exclusive).

    `anchor` is where its part after the last gap begins (`start` without a gap);
    `head` ends the part before the first gap (`end` without a gap); `payloads` are what was added for it.
    """

    start: int
    end: int
    anchor: int
    head: int
    payloads: tuple[Any, ...]


class Slot(NamedTuple):
    """One place of a phrase: any of `words`, which `may_miss`; no words mean a gap."""

    words: frozenset[str]
    may_miss: bool = False


def parse_phrase(phrase: str) -> tuple[Slot, ...]:
    """The slots of a phrase, words in the form of `tokens.singular`.

    `a|b` is a choice, `?a|b` a choice that may be missing, `...` up to `MAX_GAP` words of the same clause.

    >>> [sorted(slot.words) for slot in parse_phrase("?left pleural effusions|fluid")]
    [['left'], ['pleural'], ['effusion', 'fluid']]
    """
    slots = []
    for word in phrase.replace("cannot", "can not").split():
        if word == GAP:
            slots.append(Slot(frozenset()))
        else:
            may_miss = word[0] == "?" and len(word) > 1
            choices = word[1:].split("|") if may_miss else word.split("|")
            slots.append(Slot(frozenset(singular(choice) for choice in choices), may_miss))
    firm = [slot for slot in slots if not slot.may_miss]
    if not firm or not (slots[0].words and slots[-1].words and firm[0].words and firm[-1].words):
        raise UserError(
            f"phrase {phrase!r}: must begin and end with a word that may not miss; correct the rule file"
        )
    if any(not choice or (len(choice) > 1 and "?" in choice) for slot in slots for choice in slot.words):
        raise UserError(
            f"phrase {phrase!r}: reads '?a|b' or 'a|b', one '?' before all choices; correct the rule file"
        )
    return tuple(slots)


class PhraseBook:
    """Phrases with payloads; at a word the longest phrase that begins there is found."""

    def __init__(self) -> None:
        # First word -> next word, or None for any other -> (slots behind the first, payload)
        self.by_first: dict[str, dict[str | None, list[tuple[tuple[Slot, ...], Any]]]] = {}

    def add(self, phrases: Iterable[str], payload: Any) -> None:
        """Add phrases (see `parse_phrase`); of phrases found equally long all payloads count."""
        for phrase in phrases:
            slots = parse_phrase(phrase)
            for i, slot in enumerate(slots):
                for word in slot.words:
                    self._enter(word, slots[i + 1 :], payload)
                if not slot.may_miss:
                    break

    def _enter(self, first: str, rest: tuple[Slot, ...], payload: Any) -> None:
        by_next = self.by_first.setdefault(first, {None: []})
        needed = _next_words(rest)
        for word in by_next if needed is None else needed:
            by_next.setdefault(word, list(by_next[None])).append((rest, payload))

    def at(self, words: Sequence[str], start: int) -> Match | None:
        """The longest phrase that begins at word `start`, or None."""
        by_next = self.by_first.get(words[start])
        if by_next is None:
            return None
        following = words[start + 1] if start + 1 < len(words) else None
        best: tuple[int, int, int] | None = None
        payloads: list[Any] = []
        for rest, payload in by_next.get(following) or by_next[None]:
            found = _longest(rest, 0, words, start + 1, start, -1) if rest else (start + 1, start, -1)
            if found is None or (best is not None and found[0] < best[0]):
                continue
            if best is None or found[0] > best[0]:
                best, payloads = found, []
            if payload not in payloads:
                payloads.append(payload)
        if best is None:
            return None
        end, anchor, head = best
        return Match(start, end, anchor, end if head < 0 else head, tuple(payloads))


def _next_words(rest: tuple[Slot, ...]) -> frozenset[str] | None:
    """The words one of which must come next; None where the phrase may end here or a gap follows."""
    needed: set[str] = set()
    for slot in rest:
        if not slot.words:
            return None
        needed |= slot.words
        if not slot.may_miss:
            return frozenset(needed)
    return None


def _longest(
    slots: tuple[Slot, ...], k: int, words: Sequence[str], place: int, anchor: int, head: int
) -> tuple[int, int, int] | None:
    """The longest way to fill `slots[k:]` from word `place` on: (end, anchor, head), or None."""
    last, n = len(slots), len(words)
    while k < last:
        choices, may_miss = slots[k]
        if not choices:
            return _over_gap(slots, k + 1, words, place, place if head < 0 else head)
        fits = place < n and words[place] in choices
        if not may_miss:
            if not fits:
                return None
            place += 1
        elif fits:
            taken = _longest(slots, k + 1, words, place + 1, anchor, head)
            left = _longest(slots, k + 1, words, place, anchor, head)
            return max(taken, left) if taken and left else taken or left
        k += 1
    return place, anchor, head


def _over_gap(
    slots: tuple[Slot, ...], k: int, words: Sequence[str], place: int, head: int
) -> tuple[int, int, int] | None:
    """The nearest place behind a gap from which the rest fits."""
    for later in range(place, min(place + MAX_GAP + 1, len(words))):
        found = _longest(slots, k, words, later, later, head)
        if found is not None:
            return found
        if words[later] in _GAP_STOPS:
            return None
    return None


def find_all(book: PhraseBook, words: Sequence[str]) -> list[Match]:
    """Phrases from left to right, longest first; the words in a phrase's gap may hold further phrases."""
    if book.by_first.keys().isdisjoint(words):
        return []
    found: list[Match] = []
    tails: set[int] = set()  # words behind a gap, taken by the phrase that began before it
    free = 0  # the first word that no phrase has taken
    for place in [i for i, word in enumerate(words) if word in book.by_first]:
        match = None if place < free or place in tails else book.at(words, place)
        if match is None:
            continue
        found.append(match)
        if match.head < match.end:
            tails.update(range(match.anchor, match.end))
        free = match.head
    return found
