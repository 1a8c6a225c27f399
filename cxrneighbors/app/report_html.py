"""A report as HTML in which what it says of findings is marked: there, uncertain, or denied."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape

from cxrneighbors.reports.labeler.mentions import Mention, find_mentions
from cxrneighbors.reports.labeler.spans import read_spans
from cxrneighbors.reports.labeler.vocabulary import NO_FINDING, STATUSES

LONG = 20_000  # characters of a report that are shown
WORDS = {"present": "present", "uncertain": "uncertain", "absent": "denied"}
_BLANK = re.compile(r"\s*\n\s*")


@lru_cache(maxsize=4096)
def report_html(text: str) -> str:
    """The report, escaped, each mention of a finding in a `<mark>`, its status as class and in its title.

    What says that all is normal has the class 'absent', too. Parts that are not read for findings (history,
    technique) are in a `<span class="unread">`; blank lines are left out.

    >>> report_html("No edema.")
    'No <mark class="absent" title="Edema: denied">edema</mark>.'
    """
    text = text[:LONG]
    marks = [
        (start, end, _mark(text[start:end], mention)) for start, end, mention in _apart(find_mentions(text))
    ]
    read = read_spans(text)
    edges = [0, *(edge for span in read for edge in span), len(text)]
    unread = [
        (start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if text[start:end].strip()
    ]
    marks += [(s, e, f'<span class="unread">{_plain(text[s:e])}</span>') for s, e in unread]
    parts, place = [], 0
    for start, end, html in sorted(marks):
        parts += [_plain(text[place:start]), html]
        place = end
    return "".join([*parts, _plain(text[place:])]).strip()


def _plain(text: str) -> str:
    return escape(_BLANK.sub("\n", text))


def _mark(words: str, mention: Mention) -> str:
    normal = mention.names == (NO_FINDING,) and mention.status == "present"
    title = "normal" if normal else f"{', '.join(mention.names)}: {WORDS[mention.status]}"
    kind = "absent" if normal else mention.status
    return f'<mark class="{kind}" title="{escape(title)}">{escape(words)}</mark>'


def _apart(mentions: list[Mention]) -> list[tuple[int, int, Mention]]:
    """(start, end, mention) of mentions that do not cross; of those that do the longest."""
    order = sorted(mentions, key=lambda m: (m.word_start - m.word_end, STATUSES.index(m.status)))
    kept: list[tuple[int, int, Mention]] = []
    for mention in order:
        start, end = mention.word_start, mention.word_end
        if all(end <= s or e <= start for s, e, _ in kept):
            kept.append((start, end, mention))
    return kept
