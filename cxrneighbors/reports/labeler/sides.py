"""On which side of the chest a sentence puts a finding."""

from __future__ import annotations

from collections.abc import Iterable

from cxrneighbors.reports.labeler.clauses import Clauses
from cxrneighbors.reports.labeler.phrases import Match, find_all
from cxrneighbors.reports.labeler.rules import Rules


class Sides:
    """The sides that one sentence names, and which of them are a mention's."""

    def __init__(self, clauses: Clauses, rules: Rules) -> None:
        self._clauses, self._rules = clauses, rules
        self._found = find_all(rules.sides, clauses.words)
        self._places = {match.start for match in self._found}

    def of(self, mention: Match) -> str | None:
        """One of `vocabulary.SIDES`, None where none is named.

        The words that count: the mention's own, those before it back to the finding or clause before, those
        behind it up to the next. Left and right together are 'bilateral'.
        """
        if not self._found:
            return None
        side = self._between(self._first(mention), self._last(mention))
        mentions = self._clauses.mentions
        if not side and mentions and mention.start <= mentions[0].start:
            return self._between(0, mention.start)  # "On the left there is an effusion"
        return side

    def _between(self, first: int, last: int) -> str | None:
        return merge_sides(side for m in self._found if first <= m.start < last for side in m.payloads)

    def _first(self, mention: Match) -> int:
        """Where the words before the mention begin that belong to it."""
        clauses = self._clauses
        stops = [m.end for m in clauses.mentions if m.end <= mention.start]
        stops += [end + 1 for end in clauses.ends if end < mention.start]
        stops += [
            joint + 1
            for joint in clauses.joints
            if joint < mention.start and not {joint - 1, joint + 1} <= self._places
        ]
        return max(stops, default=0)

    def _last(self, mention: Match) -> int:
        """Where the words behind the mention end that belong to it."""
        clauses = self._clauses
        words = clauses.words
        stop = min((end for end in clauses.ends if end >= mention.end), default=len(words))
        joints = [joint for joint in clauses.joints if mention.end <= joint < stop]
        following = next((m.start for m in clauses.mentions if m.start >= mention.end), stop)
        if following < stop:
            return min([following, *joints])
        goes_on = self._rules.comparing | self._rules.sides.by_first.keys()
        return next((joint for joint in joints if words[joint + 1] not in goes_on), stop)


def merge_sides(sides: Iterable[str | None]) -> str | None:
    """'left', 'right', 'bilateral' for both or for 'bilateral' among them; None for none."""
    found = {side for side in sides if side}
    return next(iter(found)) if len(found) == 1 else "bilateral" if found else None
