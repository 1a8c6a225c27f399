"""From mentions to labels: one status per finding and report."""

from __future__ import annotations

from typing import NamedTuple

from cxrneighbors.reports.labeler.mentions import Mention, find_mentions
from cxrneighbors.reports.labeler.rules import Rules, load_rules
from cxrneighbors.reports.labeler.sides import merge_sides
from cxrneighbors.reports.labeler.vocabulary import NO_FINDING, STATUSES

_RANK = {status: rank for rank, status in enumerate(STATUSES)}


class Label(NamedTuple):
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
    strongest: dict[str, list[Mention]] = {}
    for mention in find_mentions(text, rules):
        for name in mention.names:
            _keep_strongest(strongest, name, mention)
    if not strongest:
        return []
    said = [_label(name, strongest[name]) for name in rules.groups if name in strongest]
    return [_no_finding({name: same[0] for name, same in strongest.items()}, rules), *said]


def _keep_strongest(strongest: dict[str, list[Mention]], name: str, mention: Mention) -> None:
    same = strongest.get(name)
    if same is None or _RANK[mention.status] < _RANK[same[0].status]:
        strongest[name] = [mention]
    elif mention.status == same[0].status:
        same.append(mention)


def _label(name: str, same: list[Mention]) -> Label:
    """The label that mentions of one status make."""
    first = same[0]
    side, change = first.side, first.change
    if len(same) > 1:
        side, change = merge_sides(m.side for m in same), next((m.change for m in same if m.change), None)
    return Label(name, first.status, first.evidence, first.start, first.end, side, change)


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
