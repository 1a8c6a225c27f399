"""Which words are a heading of a radiology report, and of which section."""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

LONGEST = 90  # characters of a heading
_ASKED = ("reason for ", "indication for ")
_COMPARED = ("prior", "previous", "comparison")
_DATES = ("date of exam", "date of examination", "exam date", "date of study")
_SEPARATOR = re.compile(r"\s*(?:/|&|,|\band\b)\s*")


@lru_cache(maxsize=1 << 14)
def classify(words: str, colon: bool = True) -> tuple[str, str] | None:
    """(section, kind) of the heading that `words` are, None where they are none.

    colon: whether the words stand at the start of a line before a colon. There, capitals alone make a
    heading: MIMIC-CXR's parser says by the words that it holds of which section, else it is 'unknown'.

    >>> classify("RECOMMENDATION(S)"), classify("Portable AP chest"), classify("Chest pain")
    (('recommendations', 'named'), ('findings', 'view'), None)
    """
    names = all_headings()
    key = " ".join(words.lower().split()).strip(" ,-.*")
    if key in names:
        return names[key], "view" if key.startswith("chest") else "named"
    parts = [names.get(part) for part in _SEPARATOR.split(key)]
    if len(parts) > 1 and all(parts):
        return next((s for s in ("impression", "findings") if s in parts), str(parts[0])), "named"
    if len(key) > LONGEST:
        return None
    if prefixed := _prefixed(key):
        return prefixed, "named"
    if _names_views(key):
        return "findings", "view"
    if key in _data()["parts"]["names"]:
        return "findings", "part"
    return _by_capitals(words, key) if colon else None


@cache
def published_headings() -> dict[str, tuple[str, int]]:
    """MIMIC-CXR's headings, the commonest first: heading -> (section, reports that have it; 0: not noted)."""
    found = {
        heading: (section, int(count))
        for section, headings in _data()["published"].items()
        for heading, count in headings.items()
    }
    return dict(sorted(found.items(), key=lambda item: -item[1][1]))


@cache
def all_headings() -> dict[str, str]:
    """Every heading of `headings.toml` by name, in lower case, and its section."""
    published = {heading: section for heading, (section, _) in published_headings().items()}
    own = {heading: section for section, headings in _data()["own"].items() for heading in headings}
    return published | own


@cache
def first_words() -> frozenset[str]:
    """The first letters, up to what is none, of all that is a heading without its colon: in lower case."""
    names = [*all_headings(), *_view_words(), *_data()["parts"]["names"], *_ASKED, *_COMPARED, *_DATES]
    return frozenset(found[0] for name in names if (found := re.match("[a-z]+", name)))


def _prefixed(key: str) -> str | None:
    """'reason for chest x-ray', 'prior chest radiographs', 'date of exam'."""
    if key.startswith(_ASKED) and len(key.split()) <= 6:
        return "indication"
    first, _, rest = key.partition(" ")
    if first in _COMPARED and rest and _is_of_view_words(rest):
        return "comparison"
    return "date" if key in _DATES else None


def _names_views(key: str) -> bool:
    return any(name in key for name in _data()["views"]["published"]) and _is_of_view_words(key)


def _is_of_view_words(key: str) -> bool:
    return set(re.findall(r"[\w'-]+", key)) <= _view_words()


def _by_capitals(words: str, key: str) -> tuple[str, str] | None:
    titled = all(word[0].isupper() for word in _title_words(words)) and len(words.split()) <= 4
    upper = is_upper(words) and re.fullmatch(r"[A-Z][A-Z0-9 ()/,&.'_:-]*", words) and len(words.split()) <= 10
    if not (upper or titled):
        return None
    for section in _data()["contained"]["sections"]:
        if section in key:
            return section, "named"
    if not upper:
        return None
    if any(name in key for name in _data()["views"]["published"]):
        return "findings", "view"
    return "", "unknown"


def _title_words(words: str) -> list[str]:
    """The words that a title writes with a capital letter."""
    return [word for word in re.findall(r"[A-Za-z]+", words) if word not in ("and", "of", "for", "the")]


def is_upper(words: str) -> bool:
    """Whether `words` have letters, and all in capitals."""
    return words == words.upper() and any(char.isalpha() for char in words)


@cache
def _view_words() -> frozenset[str]:
    return frozenset(_data()["views"]["words"])


@cache
def _data() -> dict[str, Any]:
    path = files("cxrneighbors.reports").joinpath("headings.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))
