"""The rule files: read, checked, and compiled into tries."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from cxrneighbors.errors import UserError, choose
from cxrneighbors.reports.labeler.phrases import PhraseBook
from cxrneighbors.reports.labeler.tokens import singular
from cxrneighbors.reports.labeler.vocabulary import CHANGES, NO_FINDING, SIDES, STATUSES

# The package's own rules; the order decides the order of names in tables.
RULES_FOLDER = Path(__file__).parent / "rules"
FINDING_FILES = ("findings.toml", "other_findings.toml", "devices.toml")
KINDS = (
    "none", "doubted-exclusion", "negation", "uncertainty", "alternative", "inclusive", "exception",
    "not-stated",
)  # fmt: skip
REACHES = ("after", "before", "back", "both")


@dataclass(frozen=True)
class Meaning:
    """What a phrase says: finding `names`, with the `status` it has unless the sentence changes it.

    `holds`: names that are present whatever the status; a wire that is not broken is there.
    """

    names: tuple[str, ...]
    status: str
    holds: tuple[str, ...] = ()


@dataclass(frozen=True)
class TriggerRule:
    """What a trigger does to the mentions that it reaches (`REACHES`).

    `kind`: one of `KINDS`, 'end', which closes every scope, or a change (`CHANGES`, 'none');
    `begins_clause`: it counts only as the first words of a clause.
    """

    kind: str
    acts_on: str
    begins_clause: bool = False


@dataclass(eq=False)  # compared and hashed by identity: sentences are cached per rule set
class Rules:
    """Compiled rules.

    `groups`: finding name -> the file it came from ('findings', 'other_findings', 'devices');
    `sides`: phrases with 'left', 'right', 'bilateral', or '' for what is no side ("right atrium").
    """

    mentions: PhraseBook = field(default_factory=PhraseBook)
    normal: PhraseBook = field(default_factory=PhraseBook)
    triggers: PhraseBook = field(default_factory=PhraseBook)
    changes: PhraseBook = field(default_factory=PhraseBook)
    groups: dict[str, str] = field(default_factory=dict)
    joints: frozenset[str] = frozenset()
    clause_words: frozenset[str] = frozenset()
    verbs: frozenset[str] = frozenset()
    closing: frozenset[str] = frozenset()
    predicates: frozenset[str] = frozenset()
    prepositions: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    kin: tuple[frozenset[str], ...] = ()
    diagnoses: frozenset[str] = frozenset()
    sides: PhraseBook = field(default_factory=PhraseBook)
    comparing: frozenset[str] = frozenset()
    window: int = 4

    def with_mentions(self, book: PhraseBook) -> Rules:
        """The same triggers and scopes with other phrases to look for."""
        return replace(self, mentions=book, normal=PhraseBook())

    def names(self, group: str | None = None) -> list[str]:
        """Finding names, of one group or of all, in the order of the files."""
        return [name for name, of in self.groups.items() if group in (None, of)]


@cache
def load_rules(folder: Path = RULES_FOLDER) -> Rules:
    """Read the six rule files of `folder` (default: the package's own).

    Raises `UserError`, naming file or entry, for a missing or broken file, a missing or unknown key, an
    unknown kind or side, or a phrase against the notation.
    """
    try:
        return _load(folder)
    except (AttributeError, KeyError, TypeError) as error:
        said = " ".join(str(error).split())[:80]
        remedy = "copy the package's own and change them"
        raise UserError(f"{folder}: a rule file has no {said}, or of another kind; {remedy}") from None


def _load(folder: Path) -> Rules:
    rules = Rules()
    for name in FINDING_FILES:
        for entry in _read(folder / name)["finding"]:
            _add_finding(rules, entry, folder / name)
    rules.normal.add(_read(folder / "normal.toml")["phrases"], Meaning((NO_FINDING,), "present"))
    _add_triggers(rules, folder / "triggers.toml")
    _add_changes(rules, folder / "changes.toml")
    return rules


def _add_triggers(rules: Rules, path: Path) -> None:
    document = _read(path)
    for entry in document["trigger"]:
        _check_keys(entry, {"kind", "acts_on", "begins_clause", "phrases"}, path)
        rule = TriggerRule(
            choose("kind of trigger", entry["kind"], KINDS),
            choose("acts_on of a trigger", entry["acts_on"], REACHES),
            entry.get("begins_clause", False),
        )
        rules.triggers.add(entry["phrases"], rule)
    scope = document["scope"]
    rules.triggers.add(scope["ends"], TriggerRule("end", "both"))
    for name in ("joints", "clause_words", "verbs", "closing", "predicates", "prepositions", "places"):
        setattr(rules, name, _words(scope.get(name, [])))
    rules.kin = tuple(frozenset(names) for names in scope.get("kin", []))
    rules.diagnoses, rules.window = frozenset(scope.get("diagnoses", [])), scope["window"]


def _add_changes(rules: Rules, path: Path) -> None:
    document = _read(path)
    for entry in document["change"]:
        _check_keys(entry, {"change", "acts_on", "phrases"}, path)
        rule = TriggerRule(
            choose("change", entry["change"], [*CHANGES, "none"]),
            choose("acts_on of a change", entry["acts_on"], ("after", "before")),
        )
        rules.changes.add(entry["phrases"], rule)
    for side in SIDES:
        rules.sides.add(document["side"][side], side)
    rules.sides.add(document["side"]["none"], "")
    rules.comparing = _words(document["side"]["comparing"])


def _add_finding(rules: Rules, entry: dict[str, Any], path: Path) -> None:
    _check_keys(entry, {"names", "holds", *STATUSES}, path)
    names, holds = tuple(entry["names"]), tuple(entry.get("holds", []))
    for name in (*names, *holds):
        rules.groups.setdefault(name, path.stem)
    for status in STATUSES:
        rules.mentions.add(entry.get(status, []), Meaning(names, status, holds))


def _check_keys(entry: dict[str, Any], known: set[str], path: Path) -> None:
    unknown = sorted(set(entry) - known)
    if unknown or not {"names", "kind", "change"} & set(entry):
        raise UserError(
            f"{path}: entry {str(entry)[:60]!r}: keys must be among {', '.join(sorted(known))}; correct it"
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such rule file; copy the package's own and change it") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as TOML ({error}); correct it") from None


def _words(words: Iterable[str]) -> frozenset[str]:
    return frozenset(singular(word) for word in words)
