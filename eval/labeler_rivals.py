"""Rivals of the labeler's rules for negation and doubt, given its own target phrases: NegEx, CheXpert's rules
(`labeler_rivals.toml`) and, from other environments, negspaCy and medspaCy (`labeler_spacy.py`).
"""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.errors import UserError
from cxrneighbors.reports.labeler.phrases import Match, PhraseBook, find_all
from cxrneighbors.reports.labeler.rules import load_rules
from cxrneighbors.reports.labeler.spans import read_spans
from cxrneighbors.reports.labeler.tokens import sentences
from cxrneighbors.reports.labeler.vocabulary import STATUSES

PHRASES = Path(__file__).with_name("labeler_rivals.toml")
SPACY = Path(__file__).with_name("labeler_spacy.py")
_POST_WINDOW = 5


@dataclass(frozen=True)
class Target:
    """A phrase that names findings, before anything is judged: words `words[match.start:match.end]`.

    `span`: its characters in `text`, the sentence.
    """

    row: int
    names: tuple[str, ...]
    words: tuple[str, ...]
    match: Match
    text: str
    span: tuple[int, int]


def targets(reports: Iterable[str | None], names: Iterable[str]) -> list[Target]:
    """Where the reports, in order, name one of `names`; phrases that state an absence are left out."""
    rules, wanted = load_rules(), set(names)
    found = []
    for row, report in enumerate(reports):
        text = report if isinstance(report, str) else ""
        for start, end in read_spans(text):
            for sentence in sentences(text, start, end):
                spans = sentence.spans
                first, last = spans[0][0], spans[-1][1]
                for match in find_all(rules.mentions, sentence.words):
                    said = {
                        n for meaning in match.payloads if meaning.status != "absent" for n in meaning.names
                    }
                    if named := said & wanted:
                        span = (spans[match.start][0] - first, spans[match.end - 1][1] - first)
                        found.append(
                            Target(
                                row,
                                tuple(sorted(named)),
                                tuple(sentence.words),
                                match,
                                text[first:last],
                                span,
                            )
                        )
    return found


def said(
    found: Sequence[Target], judged: Sequence[str], n: int, names: Iterable[str], statuses: Sequence[str]
) -> dict[str, np.ndarray]:
    """Name -> bool (n,): reports whose strongest judgement of it is one of `statuses`."""
    table = pd.DataFrame(
        [
            (t.row, name, STATUSES.index(status))
            for t, status in zip(found, judged, strict=True)
            for name in t.names
        ],
        columns=["row", "name", "rank"],
    )
    best = table.groupby(["name", "row"])["rank"].min()
    answers = {}
    for name in names:
        mine = best[best.index.get_level_values("name") == name]
        rows = mine[mine.map(lambda rank: STATUSES[rank] in statuses)].index.get_level_values("row")
        answers[name] = np.isin(np.arange(n), rows)
    return answers


@cache
def _book(rival: str) -> PhraseBook:
    book = PhraseBook()
    for kind, phrases in tomllib.loads(PHRASES.read_text(encoding="utf-8"))[rival].items():
        book.add(phrases, kind)
    return book


@cache
def _triggers(rival: str, words: tuple[str, ...]) -> list[tuple[int, int, str]]:
    return [(m.start, m.end, kind) for m in find_all(_book(rival), words) for kind in m.payloads]


def negex(target: Target) -> str:
    """'absent' where a phrase of NegEx reaches the target, else 'present'."""
    triggers = _triggers("negex", target.words)
    start, end = target.match.anchor, target.match.end
    before = [trigger for trigger in triggers if trigger[1] <= start]
    if before and max(before)[2] == "before":  # the last phrase before the target ends every earlier scope
        return "absent"
    behind = any(kind == "after" and 0 <= first - end <= _POST_WINDOW for first, _, kind in triggers)
    return "absent" if behind else "present"


def chexpert(target: Target) -> str:
    """What CheXpert's rules make of the target, along the words of its clause."""
    triggers = _triggers("chexpert", target.words)
    start, end = target.match.anchor, target.match.end
    low = max((last for first, last, kind in triggers if kind == "ends" and first < start), default=0)
    high = min(
        (first for first, _, kind in triggers if kind == "ends" and first >= end), default=len(target.words)
    )
    kinds = {
        kind for first, last, kind in triggers if low <= first and last <= start and kind.endswith("_before")
    }
    kinds |= {kind for first, last, kind in triggers if end <= first < high and kind.endswith("_after")}
    if any(kind.startswith("first") for kind in kinds):
        return "uncertain"
    if any(kind.startswith("negated") for kind in kinds):
        return "absent"
    near = range(start - 4, end + 4)
    if kinds or any(kind == "either" and first in near for first, _, kind in triggers):
        return "uncertain"
    return "present"


RULES: dict[str, Callable[[Target], str]] = {"NegEx": negex, "CheXpert's rules": chexpert}


def other_environment(python: Path, library: str, found: Sequence[Target]) -> list[str]:
    """The judgements of `library` ('negspacy', 'medspacy'), run by the interpreter `python` that has it."""
    tasks = json.dumps([{"text": target.text, "span": target.span} for target in found])
    try:
        done = subprocess.run(
            [python, SPACY, library], input=tasks, capture_output=True, text=True, check=True, timeout=1800
        )
    except (OSError, subprocess.SubprocessError) as error:
        lines = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise UserError(
            f"{python}: cannot run {library} ({lines[-1]}); give the python of an environment with "
            f"'pip install {library}'"
        ) from None
    return list(json.loads(done.stdout.splitlines()[-1]))
