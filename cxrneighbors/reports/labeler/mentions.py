"""Every mention of a finding or device in a report, with what is said of it and where."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from cxrneighbors.reports.labeler.changes import Changes
from cxrneighbors.reports.labeler.phrases import find_all
from cxrneighbors.reports.labeler.rules import Rules, load_rules
from cxrneighbors.reports.labeler.scope import Scopes
from cxrneighbors.reports.labeler.sides import Sides
from cxrneighbors.reports.labeler.spans import read_spans
from cxrneighbors.reports.labeler.tokens import Sentence, pieces, sentences

# Words that are judged together, those of one sentence; published reports have none of half as many. A text
# without full stops is judged in parts, because the time grows with the cube of the words.
MOST_WORDS = 400


class Mention(NamedTuple):
    """One mention: `names` it counts for, `status`, and its sentence `text[start:end] == evidence`.

    `word_start` and `word_end` are the characters of the mention's own words in the report. `side` and
    `change` are what the sentence says of them (`vocabulary.SIDES`, `CHANGES`), None for nothing.
    """

    names: tuple[str, ...]
    status: str
    evidence: str
    start: int
    end: int
    word_start: int
    word_end: int
    side: str | None = None
    change: str | None = None


def find_mentions(text: str, rules: Rules | None = None) -> list[Mention]:
    """All mentions in the parts of `text` that describe the image, in order; see `spans.read_spans`.

    >>> [(m.names[0], m.status) for m in find_mentions("Small effusion. No pneumothorax.")]
    [('Pleural Effusion', 'present'), ('Pneumothorax', 'absent')]
    """
    rules = rules or load_rules()
    return [
        Mention(names, status, evidence, at + start, at + end, at + first, at + last, side, change)
        for span in read_spans(text)
        for at, piece in pieces(text, *span)
        for names, status, evidence, start, end, first, last, side, change in _in_piece(piece, rules)
    ]


# Reports repeat themselves: most sentences of a large set have been seen before, ...
@lru_cache(maxsize=1 << 15)
def _in_piece(text: str, rules: Rules) -> tuple[Mention, ...]:
    """The mentions of a part of a report, whose places count from its beginning."""
    found: list[Mention] = []
    for sentence in (part for whole in sentences(text) for part in _parts(whole)):
        spans = sentence.spans
        start, end = spans[0][0], spans[-1][1]
        for said in _judged(tuple(sentence.words), rules):
            first, last = spans[said.first][0], spans[said.last - 1][1]
            evidence = text[start:end]
            found.append(
                Mention(said.names, said.status, evidence, start, end, first, last, said.side, said.change)
            )
    return tuple(found)


def _parts(sentence: Sentence) -> Iterator[Sentence]:
    """The sentence; one of too many words in parts, cut behind commas where there are any."""
    first, words = 0, sentence.words
    while first < len(words):
        last = first + MOST_WORDS
        if last < len(words):
            last = max((place + 1 for place in range(first, last) if words[place] == ","), default=last)
        yield Sentence(words[first:last], sentence.spans[first:last])
        first = last


class _Said(NamedTuple):
    """What a sentence says of the names meant by its words `first` to `last` (exclusive)."""

    first: int
    last: int
    names: tuple[str, ...]
    status: str
    side: str | None
    change: str | None


# ... and more of them apart from their spacing and line breaks.
@lru_cache(maxsize=1 << 15)
def _judged(words: tuple[str, ...], rules: Rules) -> tuple[_Said, ...]:
    matches, normal = find_all(rules.mentions, words), find_all(rules.normal, words)
    if not matches and not normal:
        return ()
    scopes = Scopes(words, rules, matches)
    changes, sides = Changes(scopes.clauses, rules), Sides(scopes.clauses, rules)
    judged = []
    for match in [*matches, *normal]:
        side = sides.of(match)
        for meaning in match.payloads:
            if meaning.names and (status := scopes.status(match, meaning.status)):
                change = changes.of(match, status)
                judged.append(_Said(match.start, match.end, meaning.names, status, side, change))
                if meaning.holds:
                    judged.append(_Said(match.start, match.end, meaning.holds, "present", side, None))
    return tuple(judged)
