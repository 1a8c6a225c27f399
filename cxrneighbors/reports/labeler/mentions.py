"""Every mention of a finding or device in a report, with what is said of it and where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from cxrneighbors.reports.labeler.phrases import find_all
from cxrneighbors.reports.labeler.rules import Meaning, Rules, load_rules
from cxrneighbors.reports.labeler.scope import Scopes
from cxrneighbors.reports.labeler.spans import read_spans
from cxrneighbors.reports.labeler.tokens import Sentence, sentences


@dataclass(frozen=True)
class Mention:
    """One mention: `names` it counts for, `status`, and its sentence `text[start:end] == evidence`.

    `word_start` and `word_end` are the characters of the mention's own words in the report.
    """

    names: tuple[str, ...]
    status: str
    evidence: str
    start: int
    end: int
    word_start: int
    word_end: int


def find_mentions(text: str, rules: Rules | None = None) -> list[Mention]:
    """All mentions in the parts of `text` that describe the image, in order; see `spans.read_spans`.

    >>> [(m.names[0], m.status) for m in find_mentions("Small effusion. No pneumothorax.")]
    [('Pleural Effusion', 'present'), ('Pneumothorax', 'absent')]
    """
    rules = rules or load_rules()
    found: list[Mention] = []
    for start, end in read_spans(text):
        for sentence in sentences(text, start, end):
            found.extend(_in_sentence(text, sentence, rules))
    return found


def _in_sentence(text: str, sentence: Sentence, rules: Rules) -> list[Mention]:
    start, end = sentence.starts[0], sentence.ends[-1]
    return [
        Mention(
            meaning.names,
            status,
            text[start:end],
            start,
            end,
            sentence.starts[first],
            sentence.ends[last - 1],
        )
        for first, last, meaning, status in _judged(tuple(sentence.words), rules)
    ]


# Reports repeat themselves: most sentences of a large set have been seen before.
@lru_cache(maxsize=1 << 16)
def _judged(words: tuple[str, ...], rules: Rules) -> tuple[tuple[int, int, Meaning, str], ...]:
    """(first word, word behind the last, meaning, status) of each mention in a sentence."""
    matches, normal = find_all(rules.mentions, words), find_all(rules.normal, words)
    if not matches and not normal:
        return ()
    scopes = Scopes(words, rules, matches)
    judged = [
        (match.start, match.end, meaning, scopes.status(match, meaning.status))
        for match in [*matches, *normal]
        for meaning in match.payloads
    ]
    return tuple((first, last, meaning, status) for first, last, meaning, status in judged if status)
