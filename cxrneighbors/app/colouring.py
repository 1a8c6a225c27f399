"""What the map is coloured by: a category for each film, few enough for colours anyone can tell apart."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.explain.page import readable

# After Okabe and Ito (2008), without black: told apart with any colour vision. The map's ground is dark in
# either theme, as films are, and every one of them stands out from it.
PALETTE = ("#56b4e9", "#e69f00", "#cc79a7", "#009e73", "#f0e442", "#d55e00", "#0072b2")
GREY, FAINT = "#5f6670", "#434a53"  # what is usual; what is not known
GROUND = "#14171c"
NOT_LABELLED, UNKNOWN = "not labelled", "not known"


@dataclass(frozen=True)
class Category:
    """One entry of a legend; `count`: films of it."""

    name: str
    count: int
    colour: str

    def record(self) -> dict[str, Any]:
        """As JSON has it; `low`: whether its films lie below those of other colours."""
        low = self.colour in (GREY, FAINT)
        return {"name": self.name, "count": self.count, "colour": self.colour, "low": low}


@dataclass(frozen=True)
class Colouring:
    """`codes`: uint8 (N,), each film's place in `categories`; `note`: what a reader has to know of it."""

    key: str
    title: str
    categories: tuple[Category, ...]
    codes: np.ndarray
    note: str = ""

    def record(self) -> dict[str, Any]:
        """As JSON has it, without the codes."""
        entries = [category.record() for category in self.categories]
        return {"key": self.key, "title": self.title, "note": self.note, "categories": entries}


def colourings(studies: pd.DataFrame) -> dict[str, Colouring]:
    """Every way in which the map can be coloured, by key; those of a single finding last."""
    findings = [list(names) for names in studies["findings"]]
    counts = Counter(name for names in findings for name in dict.fromkeys(names))
    made = [
        _by_finding(findings, counts),
        _by_value("view", "View", studies["view"], unknown="UNKNOWN"),
        _by_value("sex", "Patient's sex", studies["sex"], names={"F": "female", "M": "male"}),
        _by_value("dataset", "Data set", studies["dataset"], unknown="unknown"),
        _by_value("patient", "Patients with most films", studies["patient_id"], least=2),
    ]
    single = [name for name, _ in counts.most_common() if name != NO_FINDING]
    made += [_by_one(name, findings) for name in single]
    return {each.key: each for each in made if len(each.categories) > 1 or each.key == "finding"}


def _by_finding(findings: list[list[str]], counts: Counter[str]) -> Colouring:
    """The most frequent findings; a film with several takes the rarest of these, the one that tells most."""
    usual = [name for name, _ in counts.most_common() if name != NO_FINDING]
    shown = usual if len(usual) <= len(PALETTE) else usual[: len(PALETTE) - 1]
    rank = {name: place for place, name in enumerate(shown)}
    names, colours = [readable(name) for name in shown], list(PALETTE[: len(shown)])
    if len(usual) > len(shown):
        names, colours = [*names, "another finding"], [*colours, PALETTE[-1]]
    other, none, unlabelled = len(shown), len(names), len(names) + 1

    def code(film: list[str]) -> int:
        known = [rank[name] for name in film if name in rank]
        if known:
            return max(known)  # ranks rise as counts fall
        if not film:
            return unlabelled
        return none if set(film) == {NO_FINDING} else other

    codes = np.array([code(film) for film in findings], dtype=np.uint8)
    note = "A film with several findings has the colour of the rarest of those shown."
    return _made(
        "finding", "Findings", [*names, NO_FINDING, NOT_LABELLED], [*colours, GREY, FAINT], codes, note
    )


def _by_one(finding: str, findings: list[list[str]]) -> Colouring:
    codes = np.array([2 if not film else 0 if finding in film else 1 for film in findings], dtype=np.uint8)
    name = readable(finding)
    colours = [PALETTE[1], GREY, FAINT]
    return _made(f"finding:{finding}", name, [name, f"without {name}", NOT_LABELLED], colours, codes)


def _by_value(
    key: str,
    title: str,
    values: pd.Series,
    names: dict[str, str] | None = None,
    unknown: str = "",
    least: int = 1,
) -> Colouring:
    """The most frequent values of a column, of `least` films; the others grey, missing ones faint."""
    texts = ["" if pd.isna(value) or value == unknown else str(value) for value in values]
    counts = Counter(text for text in texts if text)
    frequent = [text for text, count in counts.most_common() if count >= least]
    shown = frequent[: len(PALETTE)]
    rank = {text: place for place, text in enumerate(shown)}
    other, missing = len(shown), len(shown) + 1
    codes = np.array([rank.get(text, other) if text else missing for text in texts], dtype=np.uint8)
    titles = [(names or {}).get(text, text) for text in shown]
    colours = [*PALETTE[: len(shown)], GREY, FAINT]
    return _made(key, title, [*titles, "all others", UNKNOWN], colours, codes)


def _made(
    key: str, title: str, names: list[str], colours: list[str], codes: np.ndarray, note: str = ""
) -> Colouring:
    """A colouring without the categories of which there is no film."""
    counts = np.bincount(codes, minlength=len(names))
    kept = np.flatnonzero(counts)
    place = np.zeros(len(names), dtype=np.uint8)
    place[kept] = np.arange(len(kept))
    entries = tuple(Category(names[i], int(counts[i]), colours[i]) for i in kept)
    return Colouring(key, title, entries, place[codes], note)
