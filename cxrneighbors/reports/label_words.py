"""Words that name a finding, and their removal: what is left of report neighbours without them?"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.resources import files

MASK = "___"
# Words that a finding's name may contain without naming it.
_EMPTY_WORDS = frozenset(
    {
        "and", "the", "with", "without", "for", "not", "other", "due", "lung", "lungs", "bone", "bones",
        "left", "right",
    }
)  # fmt: skip


def mask_label_words(text: str, findings: Iterable[str]) -> str:
    """Replace every word or phrase in `text` that names one of `findings` by `___`.

    The words and their synonyms stand in `label_words.toml`; a finding not listed there is masked by the
    words of its own name. Whole words, any case, a hyphen or line break for a space.

    >>> mask_label_words("Covid-19 pneumonia; no Effusions.", ["COVID-19", "Effusion"])
    '___ pneumonia; no ___.'
    """
    pattern = _pattern(tuple(sorted(set(findings))))
    return pattern.sub(MASK, text) if pattern else text


def words_of(finding: str) -> tuple[str, ...]:
    """The words and phrases that name `finding`, as written in the data file (`*` is any ending)."""
    name = _normal(finding)
    if name in _vocabulary():
        return _vocabulary()[name]
    words = [word for word in re.findall(r"[^\W_]+", name) if len(word) > 2 and word not in _EMPTY_WORDS]
    plurals = [
        word[:-1] if word.endswith("s") and not word.endswith(("ss", "is", "us")) else word for word in words
    ]
    return (name, *words, *(form for word in plurals for form in (word, f"{word}s")))


def _normal(finding: str) -> str:
    return " ".join(finding.replace("_", " ").lower().split())


@cache
def _vocabulary() -> dict[str, tuple[str, ...]]:
    """Normalised finding name -> its words."""
    text = files("cxrneighbors.reports").joinpath("label_words.toml").read_text(encoding="utf-8")
    entries = tomllib.loads(text)["finding"]
    return {_normal(name): tuple(entry["words"]) for entry in entries for name in entry["names"]}


@lru_cache(maxsize=4096)
def _pattern(findings: tuple[str, ...]) -> re.Pattern[str] | None:
    phrases = {phrase for finding in findings for phrase in words_of(finding) if phrase.strip()}
    if not phrases:
        return None
    longest_first = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(map(_regex, longest_first))})(?![^\W_])", re.IGNORECASE)


def _regex(phrase: str) -> str:
    """A phrase as a regular expression: space = white space or hyphen, hyphen = the same or nothing."""
    parts = {" ": r"[\s\-‐‑–]+", "-": r"[\s\-‐‑–]?", "*": r"[^\W_]*"}
    return "".join(parts.get(char) or re.escape(char) for char in phrase)
