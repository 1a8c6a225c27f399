"""Lists and dicts that became text on a way through CSV, and back: never evaluated, only read."""

from __future__ import annotations

import ast
import json
import re

_QUOTED = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
# A list of texts as Python, JSON and NumPy (without commas) write it.
_LIST = re.compile(rf"\s*[\[(]\s*(?:{_QUOTED}(?:[\s,]+{_QUOTED})*[\s,]*)?[\])]\s*", re.S)


def written_list(text: str) -> list[str] | None:
    """The texts of a list that was written as text; None for any other text.

    Raises `ValueError` for what begins and ends as a list and is none.

    >>> written_list("['Mass', \\"Nodule\\"]"), written_list("['Mass' 'Nodule']"), written_list("Mass|Nodule")
    (['Mass', 'Nodule'], ['Mass', 'Nodule'], None)
    """
    if _LIST.fullmatch(text):
        return [str(ast.literal_eval(part)) for part in re.findall(_QUOTED, text, re.S)]
    if text.strip().startswith("[") and text.strip().endswith("]"):
        raise ValueError("no list of texts in quotes")
    return None


def written_sections(text: str) -> dict[str, str | None]:
    """A dict from texts to texts (or None) that was written as text by Python or JSON.

    Raises `ValueError` for any other text.

    >>> written_sections("{'findings': 'Clear.', 'impression': None}")
    {'findings': 'Clear.', 'impression': None}
    """
    try:
        value = json.loads(text)
    except ValueError:
        try:
            value = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            value = None
    if not isinstance(value, dict) or not all(isinstance(part, str | None) for part in value.values()):
        raise ValueError("no dict of texts")
    return {str(name): part for name, part in value.items()}
