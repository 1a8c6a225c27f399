"""Report text without the holes that de-identification left."""

from __future__ import annotations

import re

_HOLES = re.compile(r"_{2,}|(?<![A-Za-z])[Xx]{3,}(?![A-Za-z])|\ufffd")
_CONTROL = re.compile(r"[^\S\n]|[\x00-\x09\x0b-\x1f\x7f\u200b\ufeff]")
_LIST_ITEM = r"(?:\d{1,2}[.)]|[-*•])[ \t]+\S"


def unwrap(text: str) -> str:
    """Join lines that were broken to fit a page: one line per list item, a blank line between paragraphs."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    paragraphs = []
    for paragraph in re.split(r"\n[^\S\n]*\n", text):
        items = [" ".join(item.split()) for item in re.split(rf"\n(?=[ \t]*{_LIST_ITEM})", paragraph)]
        paragraphs.append("\n".join(item for item in items if item))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def clean_report(text: str) -> str:
    """Drop `___` and `XXXX` (removed names and dates), broken characters and odd white space.

    Lines as `unwrap` makes them. Punctuation that lost its word goes too. May return `""`.

    >>> clean_report("PA on XXXX.  Compared\\nto ___, no   change..")
    'PA on. Compared to, no change.'
    """
    text = unwrap(_CONTROL.sub(" ", _HOLES.sub(" ", text)))
    text = re.sub(r"\(\s*\)|\[\s*\]", " ", text)
    text = re.sub(r"[ \t]+(?=[.,;:!?)\]])|(?<=[(\[])[ \t]+", "", text)
    text = re.sub(r"([.,;:!?])(?:[ \t]*[.,;])+(?=\s|$)", r"\1", text)
    lines = [re.sub(r"[ \t]+", " ", line).strip() for line in text.split("\n")]
    return unwrap("\n".join(line for line in lines if not line or any(char.isalnum() for char in line)))
