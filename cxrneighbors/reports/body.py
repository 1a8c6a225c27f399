"""What a report says of the image below no heading."""

from __future__ import annotations

import re
from itertools import pairwise

from cxrneighbors.reports.headings import NOT_READ, Stretch

BODY = "body"  # its section
_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")
_SENTENCE = re.compile(r"[.?!][\"')]*\s+(?=\S)|\n[^\S\n]*(?=[A-Z])")
_DESCRIBES = re.compile(
    r"\b(?:is|are|has|have|there|no|remains?|appears?|shows?|demonstrates?|clear|normal|enlarged|unchanged"
    r"|stable|seen|noted|without)\b",
    re.IGNORECASE,
)
_ORGANS = re.compile(
    r"\b(?:lungs?|heart|cardiac|cardio\w+|pleura\w*|mediastin\w+|hil(?:ar|a|um)|diaphragms?|hemidiaphragms?|aorta"
    r"|aortic|pulmonary|bones?|osseous|spine)\b",
    re.IGNORECASE,
)
_OF_THE_EXAMINATION = re.compile(
    r"\b(?:compar|obtain|perform|availab|acquire|prior|previous|techni)", re.IGNORECASE
)
_REFERS_BACK = re.compile(
    r"[\W\d]*(?:(?:please\s+)?(?:as|see)\s+(?:(?:described|noted|detailed|stated|discussed|findings?)\s+)?above"
    r"|(?:as\s+)?above|see\s+findings|same)(?:\s+findings)?\W*",
    re.IGNORECASE,
)


def refers_back(text: str) -> bool:
    """Whether `text` says no more than 'as above'."""
    return _REFERS_BACK.fullmatch(text) is not None


def with_body(text: str, stretches: list[Stretch], first: int) -> list[Stretch]:
    """The stretches of a report without findings, with a body cut from what stands where they should.

    Sentences before the first heading, at `first`, or below a banner; else the paragraphs after the first one
    of the section before the impression; else the sentences after its first, if they describe.
    """
    parts: list[Stretch] = []
    for stretch in stretches:
        title = not stretch.section or (stretch.text_start == stretch.start and stretch.start < first)
        parts += _untitled(text, stretch) if title else [stretch]
    if any(part.section == BODY for part in parts):
        return parts
    concluded = next((n for n, part in enumerate(parts) if part.section == "impression"), len(parts))
    before = [n for n in range(concluded) if parts[n].section in NOT_READ]
    after = [n for n in range(concluded, len(parts)) if parts[n].section in NOT_READ]
    for n in [*reversed(before), *reversed(after)]:
        if cut := _second_paragraph(text, parts[n], last=n in (*before[-1:], len(parts) - 1)):
            return _cut(parts, n, cut)
    short = all(refers_back(text[p.text_start : p.end]) for p in parts if p.section == "impression")
    short = short and concluded < len(parts)
    for n in reversed(before):
        if cut := _second_sentence(text, parts[n], short):
            return _cut(parts, n, cut)
    return parts


def _untitled(text: str, stretch: Stretch) -> list[Stretch]:
    """A stretch without a known heading: its title lines as examination, the sentences below as body."""
    paragraphs = _paragraphs(text, stretch)
    begin = next((start for start, end in paragraphs if not _is_title(text[start:end])), None)
    if begin is None:
        return [stretch]
    title = [Stretch("examination", stretch.start, stretch.text_start, begin)]
    cut = text[stretch.text_start : begin].strip()
    return [*(title if cut else []), Stretch(BODY, begin if cut else stretch.start, begin, stretch.end)]


def _is_title(paragraph: str) -> bool:
    words = paragraph.split()
    short = len(words) <= 8 and not re.search(r"[.?!]\s*$", paragraph)
    return short or (paragraph == paragraph.upper() and len(words) <= 16) or not _DESCRIBES.search(paragraph)


def _second_paragraph(text: str, stretch: Stretch, last: bool) -> int | None:
    """Where the second paragraph begins, if it tells of the image; right before the impression all do."""
    for start, end in _paragraphs(text, stretch)[1:]:
        body = text[start : stretch.end] if last else text[start:end]
        if len(re.findall(r"[A-Za-z]{2,}", body)) >= 2 and (last or _DESCRIBES.search(body)):
            return start
    return None


def _second_sentence(text: str, stretch: Stretch, needed: bool) -> int | None:
    """Where the sentences after the first begin to describe the image.

    In a history two must speak of organs, for a history describes, too. needed: something must be found
    if there is a second sentence, since the impression refers to it.
    """
    begin = stretch.end - len(text[stretch.text_start : stretch.end].lstrip())
    starts = [stop.end() for stop in _SENTENCE.finditer(text[: stretch.end], begin)]
    sentences = [text[start:end] for start, end in pairwise([*starts, stretch.end])]
    telling = [
        n
        for n, sentence in enumerate(sentences)
        if _DESCRIBES.search(sentence) and not _OF_THE_EXAMINATION.search(sentence)
    ]
    if stretch.section in ("history", "indication") and not needed:
        telling = [n for n in telling if _ORGANS.search(sentences[n])]
        return starts[telling[0]] if len(telling) > 1 else None
    if not telling:
        return starts[0] if needed and starts else None
    first = telling[0]
    while (
        first
        and len(sentences[first - 1].split()) > 2
        and not _OF_THE_EXAMINATION.search(sentences[first - 1])
    ):
        first -= 1
    return starts[first]


def _cut(parts: list[Stretch], n: int, cut: int) -> list[Stretch]:
    whole = parts[n]
    return [*parts[:n], whole._replace(end=cut), Stretch(BODY, cut, cut, whole.end), *parts[n + 1 :]]


def _paragraphs(text: str, stretch: Stretch) -> list[tuple[int, int]]:
    """(start, end) of the paragraphs that have letters, digits or '___'."""
    begin = stretch.end - len(text[stretch.text_start : stretch.end].lstrip())
    breaks = list(_BLANK_LINES.finditer(text[: stretch.end], begin))
    starts = [begin, *(each.end() for each in breaks)]
    ends = [*(each.start() for each in breaks), stretch.end]
    return [
        (start, end) for start, end in zip(starts, ends, strict=True) if re.search(r"\w", text[start:end])
    ]
