"""From mentions to labels: one status per finding and report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cxrneighbors.reports.labeler.mentions import Mention, find_mentions
from cxrneighbors.reports.labeler.rules import Rules, load_rules
from cxrneighbors.reports.labeler.sides import merge_sides
from cxrneighbors.reports.labeler.vocabulary import NO_FINDING, STATUSES


@dataclass(frozen=True)
class Label:
    """What a report says of one finding, and the sentence that decides it: `text[start:end] == evidence`.

    `side` (`vocabulary.SIDES`) and `change` (`vocabulary.CHANGES`) are None where the report names none.
    Only "No Finding" may be without a sentence (`evidence` '', start and end 0): nothing was found to be
    there, but no statement says that all is normal.
    """

    finding: str
    status: str
    evidence: str
    start: int
    end: int
    side: str | None = None
    change: str | None = None


def label_report(text: str, rules: Rules | None = None) -> list[Label]:
    """The findings that a report speaks of, in the order of the rule files, "No Finding" first.

    Of several mentions of a finding the strongest status counts (present, then uncertain, then absent), and
    the first mention with that status is the evidence. Of all with that status come the side, 'bilateral'
    where both are named, and the change, the first that is stated. "No Finding" is absent where a finding
    is present, uncertain where one is at most uncertain, otherwise present; devices do not count. A report
    that mentions nothing has no labels.

    >>> [(label.finding, label.status) for label in label_report("Small pneumothorax.")]
    [('No Finding', 'absent'), ('Pneumothorax', 'present')]
    """
    rules = rules or load_rules()
    found = find_mentions(text, rules)
    best = _strongest(found)
    if not best:
        return []
    said = [_label(name, best[name], found) for name in rules.groups if name in best]
    return [_no_finding(best, rules), *said]


def _strongest(mentions: Iterable[Mention]) -> dict[str, Mention]:
    best: dict[str, Mention] = {}
    for mention in mentions:
        for name in mention.names:
            if name not in best or STATUSES.index(mention.status) < STATUSES.index(best[name].status):
                best[name] = mention
    return best


def _label(name: str, best: Mention, mentions: Iterable[Mention]) -> Label:
    same = [m for m in mentions if m.status == best.status and name in m.names]
    change = next((m.change for m in same if m.change), None)
    side = merge_sides(m.side for m in same)
    return Label(name, best.status, best.evidence, best.start, best.end, side, change)


def _no_finding(best: dict[str, Mention], rules: Rules) -> Label:
    for status, answer in (("present", "absent"), ("uncertain", "uncertain")):
        stated = [
            m
            for name, m in best.items()
            if m.status == status and rules.groups.get(name, "devices") != "devices"
        ]
        if stated:
            first = min(stated, key=lambda mention: mention.start)
            return Label(NO_FINDING, answer, first.evidence, first.start, first.end)
    if NO_FINDING in best and best[NO_FINDING].status == "present":
        normal = best[NO_FINDING]
        return Label(NO_FINDING, "present", normal.evidence, normal.start, normal.end)
    return Label(NO_FINDING, "present", "", 0, 0)
