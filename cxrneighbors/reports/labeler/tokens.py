"""Words of a report with their places in it, cut into sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cxrneighbors.reports.abbreviations import ABBREVIATIONS
from cxrneighbors.reports.labeler.spelling import correct

# Decimal numbers stay whole (their point ends no sentence); underscores of de-identified text are no words.
_TOKEN = re.compile(
    r"\d+(?:\.\d+)+"
    r"|[^\W_]+(?:['’][^\W\d_]+)?"
    r"|[.,;:?!()]"
    r"|\n(?=[ \t]*\n)"  # a blank line
    r"|\n(?=[ \t]*(?:[-*•·]|\(?\d{1,2}[.)])\s)"  # the next item of a list
)
_ABBREVIATIONS = ABBREVIATIONS | {"e", "g", "i"}  # tokens hold no full stop: "e.g." comes letter by letter
# "Effusion? No.": the answer belongs to its question.
_ANSWER = re.compile(
    r"\s*(?:(?:yes|present|absent|unlikely|there (?:is|are) none"
    r"|(?:none|not) (?:seen|present|identified|visible|evident))\b"
    r"|(?:no|none|nil|negative|positive|mild|moderate|severe|small|large|trace|minimal)\s*(?:[.,;!]|$))",
    re.IGNORECASE,
)
_STOP = re.compile(r"\.(?=\s)")
_LONGEST_WORD = 24  # characters; no abbreviation is as long
_ENDS = frozenset(".!?;\n")
_IRREGULAR = {
    "pneumothoraces": "pneumothorax",
    "diaphragmatic": "diaphragmatic",
    "besides": "besides",  # "beside the trachea" is a place
    "atelectases": "atelectasis",
    "prostheses": "prosthesis",
    "bullae": "bulla",
    "apices": "apex",
    "hila": "hilum",
    "vertebrae": "vertebra",
    "metastases": "metastasis",
    "fractured": "fracture",
}
_singular: dict[str, str] = {}


@dataclass
class Sentence:
    """One sentence: `words` in singular and lower case, punctuation included, ended by '.', ';' or '?'.

    `spans` are the characters of each word in the report, start and end (the closing mark that a text without
    one is given has the place of the text's end).
    """

    words: list[str]
    spans: list[tuple[int, int]]


def singular(word: str) -> str:
    """The form under which a word is looked up: lower case, plain plurals cut, `spelling` corrected.

    >>> [singular(word) for word in ("Opacities", "masses", "effusions", "atelectasis", "is")]
    ['opacity', 'mass', 'effusion', 'atelectasis', 'is']
    """
    known = _singular.get(word)
    if known is None:
        known = correct(_cut_plural(word.lower().replace("’", "'")))
        # Words of a language are few, but numbers and names are not: the table must not grow for ever.
        if len(_singular) > 50_000:
            _singular.clear()
        _singular[word] = known
    return known


def split_negation(word: str) -> tuple[str, str] | None:
    """Take the "not" off a verb: "isn't" -> ("is", "not"), "cannot" -> ("can", "not"); else None."""
    if word == "cannot":
        return "can", "not"
    if word.endswith(("n't", "n’t")):
        return {"ca": "can", "wo": "will"}.get(word[:-3], word[:-3]), "not"
    return None


def _cut_plural(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is", "'s")):
        return word.removesuffix("'s")
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("sses", "shes", "ches", "xes")) else word[:-1]


def sentences(text: str, start: int = 0, end: int | None = None) -> list[Sentence]:
    """Cut `text[start:end]` into sentences; places count from the beginning of `text`.

    A sentence ends at '.', '!', '?', ';', a blank line, or where the next line begins a list item. A '?'
    right before a word ("?pneumonia", "? pneumonia" at the beginning) belongs to what follows, one before
    its answer ("Effusion? No.") to the sentence that both make.
    """
    end = len(text) if end is None else end
    found: list[Sentence] = []
    words: list[str] = []
    spans: list[tuple[int, int]] = []
    for match in _TOKEN.finditer(text, start, end):
        token, span = match.group(), match.span()
        if token not in _ENDS:
            parts = split_negation(token.lower()) if token[-1] in "tT" else None
            if parts:
                words.append(parts[0])
                spans.append(span)
            words.append(parts[1] if parts else _singular.get(token) or singular(token))
            spans.append(span)
        elif token != "." or not words or words[-1] not in _ABBREVIATIONS:
            words.append(token if token in ";?" else ".")
            spans.append(span)
            if token != "?" or (len(words) > 1 and not _goes_on(text, span[1], end)):
                if len(words) > 1:
                    found.append(Sentence(words, spans))
                words, spans = [], []
    if words:
        found.append(Sentence([*words, "."], [*spans, (end, end)]))
    return found


def pieces(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    """`text[start:end]` cut where a sentence surely ends: (place in `text`, piece).

    The `sentences` of the pieces are those of the whole. A piece ends behind a full stop between a word, no
    abbreviation, and white space, so that it mostly is one sentence, which reports repeat.

    >>> list(pieces("Clear lungs. 1.5 cm vs. none.", 0, 29))
    [(0, 'Clear lungs.'), (13, '1.5 cm vs. none.')]
    """
    for stop in _STOP.finditer(text, start, end):
        before = text[max(start, stop.start() - _LONGEST_WORD) : stop.start()].split()
        if before and before[-1].isalpha() and singular(before[-1]) not in _ABBREVIATIONS:
            yield start, text[start : stop.end()]
            start = stop.end() + 1
    if start < end:
        yield start, text[start:end]


def _goes_on(text: str, place: int, end: int) -> bool:
    """Whether the '?' before `place` belongs to what follows: to its word, or to its answer."""
    return text[place : place + 1].isalpha() or _ANSWER.match(text, place, end) is not None
