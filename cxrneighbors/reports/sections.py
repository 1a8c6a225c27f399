"""A radiology report's sections by their headings."""

from __future__ import annotations

import re

from cxrneighbors.reports.cleaning import unwrap

# Section -> the headings that open it, longest spellings first where one begins another.
HEADINGS: dict[str, tuple[str, ...]] = {
    "examination": ("type of examination", "examinations", "examination", "exam", "procedure", "study"),
    "indication": (
        "reason for examination", "reason for exam", "reason for this examination", "reason for study",
        "clinical indication", "clinical information", "indications", "indication",
    ),
    "history": ("clinical history", "patient history", "medical history", "history"),
    "comparison": ("comparisons", "comparison", "comparison studies", "prior studies", "prior study"),
    "technique": ("technique", "techniques", "technical factors"),
    "findings": ("findings and impression", "findings/impression", "findings", "finding"),
    "impression": (
        "impression and recommendation", "impressions", "impression", "conclusions", "conclusion",
        "interpretation", "summary", "recommendations", "recommendation",
    ),
}  # fmt: skip
_SECTION_OF = {heading: section for section, headings in HEADINGS.items() for heading in headings}
# Headings of text that belongs to no section; it ends the section before.
_OTHER = (
    "notification", "notifications", "wet read", "addendum", "signed", "dictated by",
    "electronically signed by",
)  # fmt: skip
_ALL = sorted([*_SECTION_OF, *_OTHER], key=len, reverse=True)
_WORDS = "|".join(re.escape(heading).replace(r"\ ", r"[ \t]+") for heading in _ALL)
_CAPITALS = "|".join(re.escape(heading.upper()).replace(r"\ ", r"[ \t]+") for heading in _ALL)
_HEADING = re.compile(
    # any case at the start of a line, before a colon or a dash, or alone on the line
    rf"^[ \t]*(?i:(?P<line>{_WORDS}))[ \t]*(?::|[ \t][-–—][ \t]|$)"
    # capitals at the start of a line, the text following in small letters
    rf"|^[ \t]*(?P<capitals>{_CAPITALS})[ \t]+(?=[A-Z]?[a-z'])"
    # capitals or a capital first letter and a colon after the end of a sentence: a report on one line
    rf"|(?<=[.?!_)])\s+(?P<inline>{_CAPITALS}|(?-i:[A-Z])(?i:(?:{'|'.join(h[1:] for h in _SECTION_OF)}))):",
    re.MULTILINE,
)
_BANNER = re.compile(
    r"^[\s_*=-]*(?:FINAL|PRELIMINARY)[ \t]+(?:REPORT|ADDENDUM)[\s_*=-]*$", re.MULTILINE | re.I
)
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")


def parse_sections(text: str) -> dict[str, str]:
    """Split a report into its sections.

    Keys among examination, indication, history, comparison, technique, findings, impression, in order of
    appearance; values not blank, lines as `cleaning.unwrap` makes them.

    Headings count in any case at the start of a line (with a colon, alone on the line, or in capitals before
    text), and after a sentence when a colon follows. Several stretches of one section are joined. The banner
    'FINAL REPORT' is dropped; text before the first heading counts as examination.

    Without headings for findings and impression, paragraphs decide: the last one is the impression, those
    between it and the headed text the findings. One paragraph without a heading gives `{}`.

    >>> parse_sections("HISTORY: Cough.\\nFindings: Clear lungs.\\nIMPRESSION: Normal.")
    {'history': 'Cough.', 'findings': 'Clear lungs.', 'impression': 'Normal.'}
    """
    text = _BANNER.sub("\n\n", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    parts = _headed_parts(text)
    if not any(section in ("findings", "impression") for section, _ in parts):
        parts = _by_paragraphs(parts)
    sections: dict[str, list[str]] = {}
    for section, part in parts:
        if section and (body := unwrap(part)):
            sections.setdefault(section, []).append(body)
    return {section: "\n\n".join(bodies) for section, bodies in sections.items()}


def heading_spans(text: str) -> list[tuple[str, int, int, int]]:
    """Every heading of `text` in order: (section, start of the heading, start of its text, end of its text).

    section is '' for a heading that belongs to none.
    """
    marks = list(_HEADING.finditer(text))
    ends = [*(mark.start() for mark in marks), len(text)][1:]
    spans = []
    for mark, end in zip(marks, ends, strict=True):
        heading = " ".join(str(mark["line"] or mark["capitals"] or mark["inline"]).lower().split())
        spans.append((_SECTION_OF.get(heading, ""), mark.start(), mark.end(), end))
    return spans


def _headed_parts(text: str) -> list[tuple[str, str]]:
    """(section, text) pairs; section is '' for text of none, 'examination' before a first heading."""
    spans = heading_spans(text)
    if not spans:
        return [("", text)]
    return [
        ("examination", text[: spans[0][1]]),
        *((section, text[start:end]) for section, _, start, end in spans),
    ]


def _by_paragraphs(parts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    section, text = parts[-1]
    paragraphs = [part for part in _BLANK_LINE.split(text) if part.strip()]
    headed = 1 if section else 0  # the paragraph that the heading stands before
    free = paragraphs[headed:]
    if len(paragraphs) < 2 or not free:
        return parts
    return [
        *parts[:-1],
        (section, "\n\n".join(paragraphs[:headed])),
        ("findings", "\n\n".join(free[:-1])),
        ("impression", free[-1]),
    ]
