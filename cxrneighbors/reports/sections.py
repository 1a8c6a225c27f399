"""A radiology report's sections by their headings."""

from __future__ import annotations

import re

from cxrneighbors.reports.body import with_body
from cxrneighbors.reports.cleaning import unwrap
from cxrneighbors.reports.headings import BANNER_WORDS, Heading, Stretch, find_headings

# Sections that say nothing of the image, beside those that say what came before it.
_ASIDE = ("recommendations", "notification", "signature", "date", "")
_DASHES = re.compile(r"^[ \t]*[_*=-]{8,}[ \t]*$", re.MULTILINE)


def parse_sections(text: str) -> dict[str, str]:
    """Split a report into its sections.

    Keys among examination, indication, history, comparison, technique, findings, impression, body,
    recommendations, notification, addendum, wet read, comment, date, signature, in order of appearance;
    values not blank, lines as `cleaning.unwrap` makes them.

    Which headings open a section says `headings.toml`, where they count `headings.find_headings`; several
    stretches of one section are joined. A heading that names the views ('PORTABLE CHEST:') opens the
    findings, or is part of the examination where no text follows it. Banners such as 'FINAL REPORT' are
    dropped.

    'body' is what describes the image without a heading, in a report that has none for its findings; where
    it begins says `body.with_body`. A text without headings and banner gives `{}`.

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
    return stretches if described else with_body(text, stretches, headings[0].start)


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


def _letters(text: str, stretch: Stretch) -> bool:
    return any(map(str.isalpha, text[stretch.text_start : stretch.end]))


def _with_plain_breaks(text: str) -> str:
    """Line breaks as '\\n'; every character keeps its place."""
    return text.replace("\r\n", " \n").replace("\r", "\n")
