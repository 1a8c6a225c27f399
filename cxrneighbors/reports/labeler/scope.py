"""Which triggers reach a mention, and what they make of it.

After NegBio (Peng et al. 2018) and the CheXpert labeler (Irvin et al. 2019, section 3): doubt about an
exclusion, then negation, then uncertainty. Those follow the edges of a parse; here a scope runs along the
words of the sentence to the next word that ends it, and a joint (a comma, "and") ends it only where a new
clause begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cxrneighbors.reports.labeler.phrases import Match, find_all
from cxrneighbors.reports.labeler.rules import Rules, TriggerRule

_FLIP = {"present": "absent", "absent": "present", "uncertain": "absent"}
_OR = frozenset({"or", "nor"})


@dataclass
class Trigger:
    """A trigger at words `start` to `end` (exclusive) of a sentence."""

    start: int
    end: int
    rule: TriggerRule


class Scopes:
    """The triggers of one sentence and how far they reach."""

    def __init__(self, words: Sequence[str], rules: Rules) -> None:
        self.words = words
        self.rules = rules
        self.triggers: list[Trigger] = []
        self.ends: list[int] = []
        self.joints: list[int] = []
        hidden: set[int] = set()
        for match in find_all(rules.triggers, words):
            self._add(match, hidden)
        self._starts = {trigger.start for trigger in self.triggers if trigger.rule.acts_on == "after"}
        self.joints = [i for i, word in enumerate(words) if word in rules.joints and i not in hidden]

    def _add(self, match: Match, hidden: set[int]) -> None:
        for rule in match.payloads:
            if rule.kind == "none":
                hidden.update(range(match.start, match.end))
            elif rule.kind == "end":
                self.ends.append(match.start)
            else:
                self.triggers.append(Trigger(match.start, match.end, rule))

    def status(self, mention: Match, status: str, others: list[Match]) -> str | None:
        """`status` as the triggers leave it: present, absent, uncertain; None for a mention of no statement.

        `others` are all mentions of the sentence: an alternative ("or") needs one on each side.
        """
        if not self.triggers:
            return status
        reaching = [trigger for trigger in self.triggers if self._reaches(trigger, mention)]
        kinds = {trigger.rule.kind for trigger in reaching}
        if "not-stated" in kinds:
            return None
        decisive, distance = self._nearest(reaching, mention)
        if decisive == "negation":
            # "Not normal", but a typing slip in "No effusion or the heart is normal".
            return status if status == "absent" and distance > 1 else _FLIP[status]
        if decisive or ("uncertainty" in kinds and status == "present"):
            return "uncertain"
        if status == "present" and self._is_alternative(mention, others):
            return "uncertain"
        return status

    def _nearest(self, reaching: list[Trigger], mention: Match) -> tuple[str, int]:
        """Kind of the nearest doubted exclusion or negation ('' for none), and the words in between.

        The nearest decides: "cannot exclude a nodule without a mass".
        """
        best: tuple[int, str] | None = None
        for trigger in reaching:
            if trigger.rule.kind in ("doubted-exclusion", "negation"):
                distance = (
                    mention.anchor - trigger.end
                    if trigger.start < mention.anchor
                    else trigger.start - mention.end
                )
                if best is None or (distance, trigger.rule.kind) < best:
                    best = distance, trigger.rule.kind
        return (best[1], best[0]) if best else ("", 0)

    def _reaches(self, trigger: Trigger, mention: Match) -> bool:
        if trigger.rule.acts_on == "after":
            return trigger.end <= mention.anchor and not self._closed(
                trigger.end, mention.anchor, mention.end
            )
        if trigger.rule.acts_on == "before":
            return mention.end <= trigger.start and not self._closed_back(mention.end, trigger.start)
        return False

    def _closed(self, start: int, stop: int, mention_end: int) -> bool:
        if any(start <= end < stop for end in self.ends):
            return True
        return any(start <= joint < stop and self._opens_clause(joint, mention_end) for joint in self.joints)

    def _closed_back(self, start: int, stop: int) -> bool:
        if any(start <= end < stop for end in self.ends):
            return True
        # "The effusion is small and the pneumothorax has resolved": a verb before the joint has closed the
        # first clause. "Right effusion, left not seen": so has a word behind it that begins one.
        return any(
            self.words[joint + 1] in self.rules.clause_words
            or any(word in self.rules.verbs for word in self.words[start:joint])
            for joint in self.joints
            if start <= joint < stop
        )

    def _opens_clause(self, joint: int, mention_end: int) -> bool:
        """Whether a new clause begins behind the joint, so that the scope before it ends."""
        words, first = self.words, joint + 1
        while first < len(words) and words[first] in self.rules.joints:
            first += 1
        if first >= len(words) or words[first] in _OR:
            return False
        if first in self._starts:
            return True
        last = next((j for j in [*self.joints, *self.ends] if j > first), len(words))
        has_verb = any(
            word in self.rules.verbs and words[i + 1] not in self.rules.closing
            for i, word in enumerate(words[first:last], first)
            if i + 1 < len(words)
        )
        if has_verb:
            return True
        if words[first] not in self.rules.clause_words:
            return False
        # "No consolidation, small effusion, or pneumothorax" is one list.
        return not any(word in _OR for word in words[first : self._next_end(first)])

    def _next_end(self, start: int) -> int:
        return min((end for end in self.ends if end > start), default=len(self.words))

    def _is_alternative(self, mention: Match, others: list[Match]) -> bool:
        for trigger in self.triggers:
            if trigger.rule.kind != "alternative":
                continue
            before = [m for m in others if self._near(m.end, trigger.start)]
            after = [m for m in others if self._near(trigger.end, m.start)]
            if before and after and (mention in (before[-1], after[0])):
                return True
        return False

    def _near(self, start: int, stop: int) -> bool:
        return 0 <= stop - start <= self.rules.window and not any(start <= end < stop for end in self.ends)
