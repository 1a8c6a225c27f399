"""Which part of a report stands for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def report_text(
    report: str | None, sections: Mapping[str, str] | None, use: Sequence[str] = ("findings", "impression")
) -> str | None:
    """The sections named in `use`, in that order, a blank line between; else the whole report; else None.

    Findings and impression describe the image; history and indication would tell the model what the patient
    came with. Blank text counts as none.

    >>> report_text("HISTORY: Cough. IMPRESSION: Clear.", {"history": "Cough.", "impression": "Clear."})
    'Clear.'
    """
    chosen = [text.strip() for name in use if (text := (sections or {}).get(name)) and text.strip()]
    if chosen:
        return "\n\n".join(chosen)
    return report.strip() or None if isinstance(report, str) else None
