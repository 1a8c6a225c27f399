"""A sentence turned into its opposite by a word or two: what an encoder must not take for alike."""

from __future__ import annotations

import re

_SIDES = {
    "left": "right",
    "leftward": "rightward",
    "left-sided": "right-sided",
    "lul": "rul",
    "lll": "rll",
}
_SIDES |= {there: here for here, there in _SIDES.items()}
_SIDES |= {"bilateral": "left", "bibasilar": "right basilar", "both": "one"}
_WORD = re.compile(r"[A-Za-z][A-Za-z-]*")
# (pattern, replacement), the first that fits decides. What denies goes first.
_DENIED = (
    (r"\b(there (?:is|are|was|were)) no (?:evidence of |definite )?", r"\1 "),
    (r"^no (?:evidence of |definite )?(?=\w)", ""),
    (r"\bno (?:evidence of )?", ""),
    (r"\bwithout (?:evidence of )?", "with "),
    (r"\b(is|are|was|were|has|have|does|do) not\b", r"\1"),
    (r"\b(free|clear) of\b", "full of"),
    (r"\b(has|have) resolved\b", r"\1 persisted"),
    (r"\bnegative for\b", "positive for"),
    (r"\babsent\b", "present"),
    (r"\b(?:normal|unremarkable)\b", "abnormal"),
    (r"\bclear\b", "not clear"),
    (r"\bintact\b", "fractured"),
)
_STATED = (
    (r"\b(there (?:is|are|was|were)) (?:an? )?", r"\1 no "),
    (
        r"\b(is|are|was|were) (again |now )?(seen|noted|present|identified|demonstrated|visible)\b",
        r"\1 not \2\3",
    ),
    (r"\b(is|are|was|were|has|have) ", r"\1 not "),
    (r"\bwith\b", "without"),
)


def other_side(text: str) -> str | None:
    """`text` with left and right exchanged, both sides become one; None where it names no side.

    >>> other_side("Small left effusion; the RLL is clear.")
    'Small right effusion; the LLL is clear.'
    """
    turned = _WORD.sub(lambda word: _like(word[0], _SIDES.get(word[0].lower(), word[0])), text)
    return turned if turned != text else None


def denied(text: str) -> str:
    """`text` with its first statement turned: what it denies is stated, what it states is denied.

    >>> denied("There is a small effusion."), denied("No acute fracture. Heart normal.")
    ('There is no small effusion.', 'Acute fracture. Heart normal.')
    """
    for pattern, replacement in (*_DENIED, *_STATED):
        turned = re.sub(pattern, replacement, text, count=1, flags=re.IGNORECASE)
        if turned != text:
            return turned[:1].upper() + turned[1:]
    return f"No {text[:1].lower()}{text[1:]}"


def _like(word: str, other: str) -> str:
    """`other` in capitals as `word` has them."""
    if word.isupper() and len(word) > 1:
        return other.upper()
    return other[:1].upper() + other[1:] if word[:1].isupper() else other
