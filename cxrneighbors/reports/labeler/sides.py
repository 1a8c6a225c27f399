"""On which side of the chest a sentence puts a finding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cxrneighbors.reports.labeler.clauses import Clauses
from cxrneighbors.reports.labeler.phrases import Match
from cxrneighbors.reports.labeler.rules import Rules


def side_of(mention: Match, clauses: Clauses, rules: Rules) -> str | None:
    """One of `vocabulary.SIDES`, None where none is named.

    The words that count: the mention's own, those before it back to the finding or clause before, those
    behind it up to the next. Left and right together are 'bilateral'.
    """
    words = clauses.words
    if rules.sides.keys().isdisjoint(words):
        return None
    found = _sides(words, range(_first(mention, clauses, rules), _last(mention, clauses, rules)), rules)
    if not found and clauses.mentions and mention.start <= clauses.mentions[0].start:
        found = _sides(words, range(mention.start), rules)  # "On the left there is an effusion"
    return merge_sides(found)


def merge_sides(sides: Iterable[str | None]) -> str | None:
    """'left', 'right', 'bilateral' for both or for 'bilateral' among them; None for none."""
    found = {side for side in sides if side}
    return next(iter(found)) if len(found) == 1 else "bilateral" if found else None


def _sides(words: Sequence[str], places: range, rules: Rules) -> set[str]:
    return {
        rules.sides[words[i]]
        for i in places
        if words[i] in rules.sides and not (i + 1 < len(words) and words[i + 1] in rules.no_sides)
    }


def _first(mention: Match, clauses: Clauses, rules: Rules) -> int:
    """Where the words before the mention begin that belong to it."""
    words = clauses.words
    stops = [m.end for m in clauses.mentions if m.end <= mention.start]
    stops += [end + 1 for end in clauses.ends if end < mention.start]
    stops += [
        joint + 1
        for joint in clauses.joints
        if joint < mention.start and not (words[joint - 1] in rules.sides and words[joint + 1] in rules.sides)
    ]
    return max(stops, default=0)


def _last(mention: Match, clauses: Clauses, rules: Rules) -> int:
    """Where the words behind the mention end that belong to it."""
    words = clauses.words
    stop = min((end for end in clauses.ends if end >= mention.end), default=len(words))
    joints = [joint for joint in clauses.joints if mention.end <= joint < stop]
    following = next((m.start for m in clauses.mentions if m.start >= mention.end), stop)
    if following < stop:
        return min([following, *joints])
    goes_on = rules.comparing | rules.sides.keys()
    return next((joint for joint in joints if words[joint + 1] not in goes_on), stop)
