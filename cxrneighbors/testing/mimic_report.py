"""A report's text in MIMIC-CXR's form: banner, headings, wrapped lines, `___` for what identifies."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

from cxrneighbors.reports.body import BODY
from cxrneighbors.reports.heading_names import all_headings
from cxrneighbors.reports.sections import parse_sections
from cxrneighbors.reports.sentences import split_sentences

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_IDENTIFYING = re.compile(
    r"\b\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}\b"  # dates in figures
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{_MONTHS})[a-z]*\.?(?:\s+\d{{4}})?\b"
    rf"|\b(?:{_MONTHS})[a-z]*\.?\s+\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s+\d{{4}})?\b"
    r"|\b(?:19|20)\d\d\b"
    r"|\b\d{1,3}(?=[\s-]*(?:years?|yrs?|y)[\s/-]*(?:old|o)\b)",  # ages
    re.IGNORECASE,
)
# A heading's word with a colon within a section: wrapped to the start of a line it would open another one.
_INNER = re.compile(
    rf"\b({'|'.join(re.escape(heading) for heading in (*all_headings(), 'chest'))})[ \t]*:", re.I
)
_ORDER = ("examination", "indication", "history", "technique", "comparison", "findings", "impression")
_WIDTH = 76


def mimic_report(
    text: str | None, sections: Mapping[str, str] | None, examination: str, indication: str
) -> str | None:
    """`text` as MIMIC-CXR would write it; None where there is none.

    `sections`: the text's, by name; None: they are parsed from `text`. A note without headings is split into
    sentences: the last one is the impression, those before it the findings. A colon after a heading's word
    within a section becomes a comma. `examination` and `indication`
    fill those sections where the report lacks them. Dates and ages become `___`.
    """
    if not (text or "").strip() and not sections:
        return None
    parts = dict(sections or {}) or parse_sections(str(text))
    if not parts.get("findings"):
        parts["findings"] = parts.pop(BODY, "")
    if not parts.get("findings") and not parts.get("impression"):
        sentences = split_sentences(str(text))
        parts = {"findings": " ".join(sentences[:-1]), "impression": sentences[-1] if sentences else ""}
    elif not sections and not parts.get("findings"):  # what stands before the first heading is the finding
        parts["findings"] = parts.pop("examination", "")
    parts = {"examination": examination, "indication": indication} | parts
    lines = [" " * 33 + "FINAL REPORT"]
    for name in _ORDER:
        if body := _INNER.sub(r"\1,", mask_identifying(parts.get(name) or "")).strip():
            lines += [*_section(name.upper(), body), ""]
    return "\n".join(f" {line}".rstrip() for line in lines).rstrip() + "\n"


def mask_identifying(text: str) -> str:
    """Replace dates, years and ages by `___`, as the de-identification of MIMIC-CXR did.

    >>> mask_identifying("A 58-year-old man, seen on March 3, 2020.")
    'A ___-year-old man, seen on ___.'
    """
    return _IDENTIFYING.sub("___", text)


def _section(heading: str, body: str) -> list[str]:
    """Heading and wrapped paragraphs; long sections begin below their heading, as in the published texts."""
    paragraphs = [part for part in re.split(r"\n\s*\n", body) if part.strip()]
    if heading not in ("FINDINGS", "IMPRESSION"):
        return textwrap.wrap(f"{heading}:  {' '.join(body.split())}", _WIDTH)
    lines = [f"{heading}:"]
    for paragraph in paragraphs:
        lines += ["", *_wrapped(paragraph)]
    return lines


def _wrapped(paragraph: str) -> list[str]:
    lines = []
    for line in paragraph.splitlines():
        lines += textwrap.wrap(" ".join(line.split()), _WIDTH, break_on_hyphens=False)
    return lines
