"""A radiology report's sections by their headings."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

from cxrneighbors.reports.cleaning import unwrap
from cxrneighbors.reports.headings import BANNER_WORDS, NOT_READ, Heading, find_headings

# What is said of the image, where no heading says so.
BODY = "body"
# Sections that say nothing of the image, beside those that say what came before it.
_ASIDE = ("recommendations", "notification", "signature", "date", "")
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
_DASHES = re.compile(r"^[ \t]*[_*=-]{8,}[ \t]*$", re.MULTILINE)


class Stretch(NamedTuple):
    """`text[start:end]` belongs to `section` and starts with a heading up to `text_start`, if it has one.

    section: '' where no heading says which.
    """

    section: str
    start: int
    text_start: int
    end: int


def parse_sections(text: str) -> dict[str, str]:
    """Split a report into its sections.

    Keys among examination, indication, history, comparison, technique, findings, impression, body,
    recommendations, notification, addendum, wet read, comment, date, signature, in order of appearance;
    values not blank, lines as `cleaning.unwrap` makes them.

    Which headings open a section says `headings.toml`, where they count `headings.find_headings`; several
    stretches of one section are joined. A heading that names the views ('PORTABLE CHEST:') opens the
    findings, or is part of the examination where no text follows it. Banners such as 'FINAL REPORT' are
    dropped.

    'body' is what describes the image without a heading, in a report that has none for its findings:
    sentences before the first heading, and what follows the first paragraph of a section such as history or
    comparison. A text without headings and banner gives `{}`.

    >>> parse_sections("HISTORY: Cough.\\nPortable chest: Clear lungs.\\nIMPRESSION: Normal.")
    {'history': 'Cough.', 'findings': 'Clear lungs.', 'impression': 'Normal.'}
    """
    text = _with_plain_breaks(text)
    sections: dict[str, list[str]] = {}
    for stretch in find_stretches(text):
        if stretch.section and (part := unwrap(_DASHES.sub("", text[stretch.text_start : stretch.end]))):
            sections.setdefault(stretch.section, []).append(part.removesuffix("**").rstrip())
    return {section: "\n\n".join(parts) for section, parts in sections.items()}


def heading_spans(text: str) -> list[tuple[str, int, int, int]]:
    """Every section of `text` in order: (name, start of its heading, start of its text, end of its text).

    Of a section that says nothing of the image though it comes after it (recommendations, notification,
    signature), and of text in none, the text counts as empty. No span where the report has no headings.
    """
    return [
        (stretch.section, stretch.start, stretch.end if stretch.section in _ASIDE else start, stretch.end)
        for stretch in find_stretches(text)
        for start in [stretch.end - len(text[stretch.text_start : stretch.end].lstrip())]
    ]


def unplaced(text: str) -> tuple[int, int]:
    """(letters and digits of `text` that lie in no section, all of them but the headings').

    >>> unplaced("FINDINGS: Clear."), unplaced("Clear.")
    ((0, 5), (5, 5))
    """
    stretches = find_stretches(text) or [Stretch("", 0, 0, len(text))]
    counts = [(each.section, sum(map(str.isalnum, text[each.text_start : each.end]))) for each in stretches]
    return sum(count for section, count in counts if not section), sum(count for _, count in counts)


def refers_back(text: str) -> bool:
    """Whether `text` says no more than 'as above'."""
    return _REFERS_BACK.fullmatch(text) is not None


def find_stretches(text: str) -> list[Stretch]:
    """The stretches of `text`, in order and apart, from its start to its end; see `parse_sections`.

    Empty where it has no heading and no banner.
    """
    text = _with_plain_breaks(text)
    headings = find_headings(text)
    if not headings:
        return []
    stretches = _headed(text, headings)
    described = any(each.section == "findings" and _letters(text, each) for each in stretches)
    return stretches if described else _with_body(text, stretches, headings)


def _headed(text: str, headings: list[Heading]) -> list[Stretch]:
    """By headings alone. Text before them is the examination; so is a heading of views without a text.

    'Lines and tubes: None.' tells nothing without its heading: it belongs to the text.
    """
    first = headings[0].start
    bare = BANNER_WORDS.fullmatch(text[:first]) is not None
    stretches = [] if bare else [Stretch("examination", 0, 0, first)]
    ends = [*(heading.start for heading in headings[1:]), len(text)]
    for heading, end in zip(headings, ends, strict=True):
        if heading.kind == "view" and not any(map(str.isalnum, text[heading.end : end])):
            stretches.append(Stretch("examination", heading.start, heading.start, end))
        else:
            own = heading.start if heading.kind in ("part", "unknown") else heading.end
            stretches.append(Stretch(heading.section, heading.start, own, end))
    return stretches


def _with_body(text: str, stretches: list[Stretch], headings: list[Heading]) -> list[Stretch]:
    """The stretches with a body cut from those that stand where the findings should."""
    parts: list[Stretch] = []
    for stretch in stretches:
        title = not stretch.section or (
            stretch.text_start == stretch.start and stretch.start < headings[0].start
        )
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


def _letters(text: str, stretch: Stretch) -> bool:
    return any(map(str.isalpha, text[stretch.text_start : stretch.end]))


def _with_plain_breaks(text: str) -> str:
    """Line breaks as '\\n'; every character keeps its place."""
    return text.replace("\r\n", " \n").replace("\r", "\n")
