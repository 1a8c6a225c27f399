"""Questions to one report, for predicates over a table: `mentions(text, "chest tube")`."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from cxrneighbors.errors import UserError, choose
from cxrneighbors.reports.labeler.labels import label_report
from cxrneighbors.reports.labeler.mentions import Mention, find_mentions
from cxrneighbors.reports.labeler.phrases import PhraseBook
from cxrneighbors.reports.labeler.rules import Meaning, Rules, load_rules
from cxrneighbors.reports.labeler.tokens import sentences
from cxrneighbors.reports.labeler.vocabulary import NO_FINDING, STATUSES


def finding_status(text: str | None, finding: str, rules: Rules | None = None) -> str | None:
    """What a report says of a finding: 'present', 'uncertain', 'absent', or None where it is silent.

    `finding` is any name of the rule files ('Pneumothorax', 'Chest Tube', 'No Finding'), in any case, a space
    for an underscore; any other is a `UserError`. A missing report is silent.

    >>> finding_status("No pneumothorax.", "Pneumothorax"), finding_status("Clear lungs.", "pleural effusion")
    ('absent', None)
    """
    rules = rules or load_rules()
    name = known_name(finding, rules)
    if name is None:
        choose("finding", finding, [NO_FINDING, *rules.names()])
    if not isinstance(text, str):
        return None
    return next((label.status for label in label_report(text, rules) if label.finding == name), None)


def mentions(
    text: str | None,
    term: str,
    statuses: Collection[str] = ("present", "uncertain"),
    rules: Rules | None = None,
) -> bool:
    """Whether a report says that `term` is there: some mention has one of `statuses`.

    `term` is a finding or device of the rule files with all its synonyms ("chest tube" also finds a
    thoracostomy tube), or else any words, looked up as they stand. A negated mention ("no chest tube", "has
    been removed") does not count unless `statuses` holds 'absent'. False for a missing report.

    >>> mentions("Chest tube in place.", "chest tube"), mentions("Chest tube has been removed.", "chest tube")
    (True, False)
    """
    for status in statuses:
        choose("status", status, STATUSES)
    return any(mention.status in statuses for mention in term_mentions(text, term, rules))


def term_mentions(text: str | None, term: str, rules: Rules | None = None) -> list[Mention]:
    """All mentions of `term` (see `mentions`), negated ones included, in the order of the text."""
    rules = rules or load_rules()
    name = known_name(term, rules)
    if not isinstance(text, str):
        return []
    if name is None:
        return find_mentions(text, _rules_for_words(term, rules))
    return [mention for mention in find_mentions(text, rules) if name in mention.names]


def known_name(term: str, rules: Rules | None = None) -> str | None:
    """The name of the rule files that `term` spells, whatever its case and underscores; None for no name."""
    return _names(rules or load_rules()).get(_normal(term))


def _normal(term: str) -> str:
    return " ".join(term.replace("_", " ").lower().split())


@lru_cache(maxsize=16)
def _names(rules: Rules) -> dict[str, str]:
    return {_normal(name): name for name in [NO_FINDING, *rules.names()]}


@lru_cache(maxsize=256)
def _rules_for_words(term: str, rules: Rules) -> Rules:
    """`rules` with the words of `term` as the only phrase."""
    words = [word for sentence in sentences(term) for word in sentence.words if word[0].isalnum()]
    if not words:
        raise UserError(f"term {term!r}: holds no word; give a finding, a device, or words of the report")
    book = PhraseBook()
    book.add([" ".join(words)], Meaning((term,), "present"))
    return rules.with_mentions(book)
