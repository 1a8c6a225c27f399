"""The headings in a radiology report: where they stand and which section each opens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import ascii_uppercase
from typing import NamedTuple

from cxrneighbors.reports.heading_names import LONGEST, classify, first_words, is_upper

NOT_READ = ("examination", "indication", "history", "comparison", "technique", "date")
_COLON = re.compile(r":(?!\d)")
_BANNER = re.compile(
    r"^[ \t_*=-]*(?P<kind>(?i:(?:FINAL|PRELIMINARY)[ \t]+(?:REPORT|ADDENDUM))(?=[ \t_*=-]*$)"
    r"|FINAL (?:REPORT|ADDENDUM)\b)[ \t_*=-]*",
    re.MULTILINE,
)
BANNER_WORDS = re.compile(r"^[\W_]*(?:(?:FINAL|PRELIMINARY)[ \t]+(?:REPORT|ADDENDUM)\b[\W_]*)?", re.I)
_ALONE = re.compile(
    r"^[ \t>*#]*(?P<words>[A-Za-z][\w ()/,&'.-]{0,70}?)[ \t*]*(?P<end>[ \t]-{1,2}[ \t]|$)", re.M
)
_CAPITALS = re.compile(
    r"(?:(?P<line>^[ \t]*)|(?<=[.?!_)])[ \t]+)(?P<words>[A-Z]{3,}(?:[ \t,/()&-]+[A-Z]+\b)*\)?(?:\(S\))?)"
    r"[ \t]+(?=[A-Z]?[a-z'])",
    re.MULTILINE,
)
_SHOUTED = re.compile(r"[A-Z]{3,}")
_FIRST_WORD = re.compile(r"[ \t>*#]*([A-Za-z]+)")
_SENTENCE_END = re.compile(r"[.?!_)*][ \t]+")
_OF_CAPITAL_WORDS = f"{ascii_uppercase} ()/,&-"
_FIRST_CAPITAL = re.compile(r"(?<![A-Za-z])[A-Z]")
_CAPITAL = re.compile(r"(?<![A-Z])[A-Z]")


class Heading(NamedTuple):
    """A heading `text[start:end]` with its colon.

    section: '' for a banner ('FINAL REPORT') and for a heading in capitals that is not known.
    kind: 'named'; 'view' ('PORTABLE CHEST'); 'part' ('LUNGS'); 'unknown'; 'banner'.
    """

    section: str
    start: int
    end: int
    kind: str


class Stretch(NamedTuple):
    """`text[start:end]` belongs to `section` and starts with a heading up to `text_start`, if it has one.

    section: '' where no heading says which.
    """

    section: str
    start: int
    text_start: int
    end: int


def find_headings(text: str) -> list[Heading]:
    """Every heading of `text`, in order.

    A heading stands at the start of a line or after a sentence and has a colon; or alone on a line, or in
    capitals before text in small letters, or before a dash. Which words are headings, and of which section,
    says `headings.toml`: MIMIC-CXR's published list, views of the chest, parts of the film.
    """
    found: dict[int, Heading] = {}
    upper, lines = text.upper(), _line_starts(text)
    for line in lines if "REPORT" in upper or "ADDENDUM" in upper else ():
        if match := _BANNER.match(text, line):
            section = "addendum" if match["kind"].lower().endswith("addendum") else ""
            found[match.start("kind")] = Heading(section, match.start(), match.end(), "banner")
    for heading in [*_before_colons(text, upper == text), *_alone(text, lines), *_in_capitals(text)]:
        found.setdefault(heading.start, heading)
    headings: list[Heading] = []
    for heading in sorted(found.values(), key=lambda heading: heading.start):
        if headings and heading.start < headings[-1].end:
            continue
        if _fits(text, headings, heading):
            headings.append(heading)
    return headings


def _line_starts(text: str) -> list[int]:
    starts, end = [0], text.find("\n")
    while end >= 0:
        starts.append(end + 1)
        end = text.find("\n", end + 1)
    return starts


def _before_colons(text: str, shouting: bool) -> list[Heading]:
    found: list[Heading] = []
    for colon in _COLON.finditer(text):
        at = colon.start()
        line = text.rfind("\n", 0, at) + 1
        first = max(line, found[-1].end if found else 0, at - LONGEST)
        end = colon.end() + 2 * text.startswith("**", colon.end())  # '**Findings:** Clear.'
        for start, at_line in _candidates(text, first, at, first == line):
            if opened := classify(text[start:at].rstrip(" \t*"), at_line and not shouting):
                found.append(Heading(opened[0], start, end, opened[1]))
                break
    return found


def _candidates(text: str, first: int, at: int, at_line: bool) -> Iterator[tuple[int, bool]]:
    """Where the heading that ends at `at` may begin: (start, whether that is the start of a line)."""
    segment = text[first:at]
    if at_line:
        skipped = BANNER_WORDS.match(segment)
        yield first + (skipped.end() if skipped else 0), True
    last = -1
    for stop in _SENTENCE_END.finditer(segment):
        last = stop.end()
    if last >= 0:
        yield first + last, False
    if run := _FIRST_CAPITAL.search(segment, len(segment.rstrip(_OF_CAPITAL_WORDS))):
        for word in _CAPITAL.finditer(segment, run.start()):
            yield first + word.start(), False


def _alone(text: str, lines: list[int]) -> list[Heading]:
    """Headings with a line of their own, or before a dash."""
    found = []
    for line in lines:
        first = _FIRST_WORD.match(text, line)
        match = _ALONE.match(text, line) if first and first[1].lower() in first_words() else None
        if match is None:
            continue
        words = match["words"]
        if words.endswith(".") or not (opened := classify(words, False)) or opened[1] == "part":
            continue
        after_blank = not text[: match.start()].strip() or _blank_before(text, match.start())
        if words == words.upper() or after_blank or (words[0].isupper() and opened[1] == "named"):
            found.append(Heading(opened[0], match.start("words"), match.end(), opened[1]))
    return found


def _in_capitals(text: str) -> list[Heading]:
    """Headings in capitals, without a colon, before text in small letters."""
    found = []
    for run in _SHOUTED.finditer(text):
        if run[0].lower() not in first_words():
            continue
        at = run.start()
        while at and text[at - 1] in " \t":
            at -= 1
        if (match := _CAPITALS.match(text, at)) is None:
            continue
        words, after = match["words"], text[match.end() : match.end() + 2]
        opened = classify(words, False)
        if not opened or opened[1] == "part":
            continue
        sentence = after[:1].isupper()  # 'CHEST x-ray' and 'CHEST tube' are no headings
        if (sentence and (opened[1] == "named" or " " in words)) or (
            match["line"] is not None and opened[1] == "named"
        ):
            found.append(Heading(opened[0], match.start("words"), match.end(), opened[1]))
    return found


def _fits(text: str, before: list[Heading], heading: Heading) -> bool:
    """Whether what stands before allows a heading that may as well be a word of the text."""
    if heading.kind in ("named", "banner"):
        return True
    last = next((each for each in reversed(before) if each.kind != "unknown"), None)
    section = last.section if last else ""
    if heading.kind == "unknown":
        return section in NOT_READ
    if heading.kind == "part":
        return section in (*NOT_READ, "")
    colon = text[heading.start : heading.end].rstrip(" \t*").endswith(":")
    capitals = is_upper(text[heading.start : heading.end])
    if section == "impression" and not capitals:
        return False
    following = text[heading.end : heading.end + 60]
    if not re.search(r"[a-z]{2}|[A-Z]{4}", following) and following.strip():
        return False  # a film and its date
    if section in NOT_READ and last is not None and not text[last.end : heading.start].strip():
        return colon and capitals  # 'EXAMINATION:' and below it 'Chest, two views'
    return True


def _blank_before(text: str, start: int) -> bool:
    line = text.rfind("\n", 0, start)
    return line >= 0 and not text[text.rfind("\n", 0, line) + 1 : line].strip()
