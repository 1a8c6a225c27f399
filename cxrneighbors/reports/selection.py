"""Which part of a report stands for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cxrneighbors.reports.body import BODY, refers_back

DESCRIBE = ("findings", "impression")
WHOLE = "whole"
# What describes the image where neither findings nor impression do.
_NEXT_BEST = ("wet read", "addendum", "comment")


def report_text(
    report: str | None, sections: Mapping[str, str] | None, use: Sequence[str] = DESCRIBE
) -> str | None:
    """The text of a report that stands for it; None where there is none. See `chosen_text`.

    >>> report_text("HISTORY: Cough. IMPRESSION: Clear.", {"history": "Cough.", "impression": "Clear."})
    'Clear.'
    """
    return chosen_text(report, sections, use)[0]


def text_source(
    report: str | None, sections: Mapping[str, str] | None, use: Sequence[str] = DESCRIBE
) -> str | None:
    """Which sections `report_text` takes: their names with '+' between, or 'whole'; None without a text.

    >>> text_source("Lungs clear. IMPRESSION: As above.", {"body": "Lungs clear.", "impression": "As above."})
    'body+impression'
    """
    return chosen_text(report, sections, use)[1]


def chosen_text(
    report: str | None, sections: Mapping[str, str] | None, use: Sequence[str] = DESCRIBE
) -> tuple[str | None, str | None]:
    """(text, the names of its sections) of a report; (None, None) where it is blank.

    The sections named in `use`, in that order, a blank line between; a body without a heading stands for
    findings that are missing. Where they say nothing, or only 'as above': wet read, addendum or comment;
    else the whole report.

    Findings and impression describe the image; history and indication would tell the model what the patient
    came with, recommendations what may be.
    """
    texts = {name: text.strip() for name, text in (sections or {}).items() if text and text.strip()}
    named = [BODY if name == "findings" and name not in texts else name for name in use]
    names = [name for name in dict.fromkeys(named) if name in texts]
    if not names or all(refers_back(texts[name]) for name in names):
        names = [name for name in _NEXT_BEST if use and name in texts][:1]
    if names:
        return "\n\n".join(texts[name] for name in names), "+".join(names)
    whole = report.strip() if isinstance(report, str) else ""
    return (whole, WHOLE) if whole else (None, None)
