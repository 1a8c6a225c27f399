"""What a sentence says of a finding's change since an earlier film."""

from __future__ import annotations

from cxrneighbors.reports.labeler.clauses import Clauses
from cxrneighbors.reports.labeler.phrases import Match, find_all
from cxrneighbors.reports.labeler.rules import Rules
from cxrneighbors.reports.labeler.scope import Trigger

_ARTICLES = frozenset({"the", "a", "an", "there"})  # a joint before one of them brings another subject


class Changes:
    """The words of change in one sentence, and how far they reach along its clauses."""

    def __init__(self, clauses: Clauses, rules: Rules) -> None:
        self._triggers = [
            Trigger(match.start, match.end, rule)
            for match in find_all(rules.changes, clauses.words)
            for rule in match.payloads
        ]
        starts = {trigger.start for trigger in self._triggers if trigger.rule.acts_on == "after"}
        self._clauses = clauses.with_starts(starts) if self._triggers else clauses

    def of(self, mention: Match, status: str) -> str | None:
        """One of `vocabulary.CHANGES`, None where nothing is said.

        What is absent can only have resolved, and only what is absent has.
        """
        if not self._triggers:
            return None
        reaching = [
            (self._distance(t, mention), t.rule.kind) for t in self._triggers if self._reaches(t, mention)
        ]
        change = min(reaching)[1] if reaching else "none"
        return change if change != "none" and (change == "resolved") == (status == "absent") else None

    def _reaches(self, trigger: Trigger, mention: Match) -> bool:
        if trigger.rule.acts_on == "after":
            return trigger.end <= mention.anchor and not self._clauses.closed(trigger.end, mention.anchor)
        if trigger.start < mention.end or self._clauses.ended(mention.end, trigger.start):
            return False
        return self._is_subject(mention, trigger.start) or not self._clauses.closed_back(
            mention.end, trigger.start
        )

    def _is_subject(self, mention: Match, place: int) -> bool:
        """Whether the words at `place` still speak of the mention: "the effusion is small and has grown"."""
        clauses = self._clauses
        if any(mention.end <= other.start < place for other in clauses.mentions):
            return False
        heads = (clauses.words[joint + 1] for joint in clauses.joints if mention.end <= joint < place)
        return not any(word in _ARTICLES for word in heads)

    def _distance(self, trigger: Trigger, mention: Match) -> int:
        return mention.anchor - trigger.end if trigger.start < mention.anchor else trigger.start - mention.end
