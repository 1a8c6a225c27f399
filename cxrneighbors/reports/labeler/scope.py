"""Which triggers reach a mention, and what they make of it.

After NegBio (Peng et al. 2018) and the CheXpert labeler (Irvin et al. 2019, section 3): doubt about an
exclusion, then negation, then uncertainty. Those follow the edges of a parse; here a scope runs along the
words of the sentence to the next word that ends it, and a joint (a comma, "and") ends it only where a new
clause begins (`clauses`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cxrneighbors.reports.labeler.clauses import Clauses
from cxrneighbors.reports.labeler.phrases import Match, find_all
from cxrneighbors.reports.labeler.rules import Rules, TriggerRule

_FLIP = {"present": "absent", "absent": "present", "uncertain": "absent"}
_DENYING = frozenset({"no", "not", "without"})
_COMPARING = frozenset({"has", "have", "had", "interval", "further", "yet"})
_BEFORE_CLAUSE = frozenset([":", "?", "(", ".", "please", "and", "or"])


@dataclass
class Trigger:
    """A trigger at words `start` to `end` (exclusive) of a sentence."""

    start: int
    end: int
    rule: TriggerRule


class Scopes:
    """The triggers of one sentence, whose findings are `mentions`, and how far they reach."""

    def __init__(self, words: Sequence[str], rules: Rules, mentions: Sequence[Match]) -> None:
        self.words, self.rules, self.mentions = words, rules, mentions
        self.triggers: list[Trigger] = []
        self.denials: list[Match] = []
        ends: list[int] = []
        hidden: set[int] = set()
        for match in find_all(rules.triggers, words):
            self._add(match, ends, hidden)
        starts = {trigger.start for trigger in self.triggers if trigger.rule.acts_on == "after"}
        joints = [i for i, word in enumerate(words) if word in rules.joints and i not in hidden]
        self.clauses = Clauses(words, rules, mentions, ends, joints, starts)

    def _add(self, match: Match, ends: list[int], hidden: set[int]) -> None:
        for rule in match.payloads:
            if rule.kind == "none":
                hidden.update(range(match.start, match.end))
                if self.words[match.start] in _DENYING:
                    self.denials.append(match)
            elif rule.kind == "end":
                ends.append(match.start)
            elif not rule.begins_clause or self._begins_clause(match.start):
                end = match.head if rule.acts_on == "after" else match.end
                self.triggers.append(Trigger(match.start, end, rule))

    def _begins_clause(self, place: int) -> bool:
        before = self.words[place - 1] if place else ":"
        return before in _BEFORE_CLAUSE or before in self.rules.joints

    def status(self, mention: Match, status: str) -> str | None:
        """`status` as the triggers leave it (present, absent, uncertain); None where nothing is stated.

        "Not increased" and its like only compare ("effusion not increased"), unless the increase is the
        finding: "heart size is not increased" denies it, "has not increased" states nothing of it.
        """
        if denial := next((d for d in self.denials if _share_words(d, mention)), None):
            compared = _COMPARING.intersection(self.words[max(denial.start - 1, 0) : denial.end])
            return None if compared else "absent"
        if not self.triggers:
            return status
        reaching = [trigger for trigger in self.triggers if self._reaches(trigger, mention)]
        kinds = {trigger.rule.kind for trigger in reaching}
        if "not-stated" in kinds:
            return None
        judged = self._judged(mention, status, reaching, kinds)
        if judged == "absent" and "exception" in kinds:
            return self._excepted(next(t for t in reaching if t.rule.kind == "exception"))
        return judged

    def _judged(self, mention: Match, status: str, reaching: list[Trigger], kinds: set[str]) -> str:
        if any(t.rule.kind == "doubted-exclusion" and t.rule.acts_on == "back" for t in reaching):
            return "uncertain"
        decisive, distance = self._nearest(reaching, mention)
        if decisive == "negation":
            # "Not normal", but a typing slip in "No effusion or the heart is normal".
            return status if status == "absent" and distance > 1 else _FLIP[status]
        if decisive or ("uncertainty" in kinds and status == "present"):
            return "uncertain"
        if status == "present" and self._is_alternative(mention):
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
        side = trigger.rule.acts_on
        if side == "after":
            return trigger.end <= mention.anchor and not self.clauses.closed(trigger.end, mention.anchor)
        if side == "before":
            return mention.end <= trigger.start and not self.clauses.closed_back(mention.end, trigger.start)
        return side == "back" and mention == self._last_before(trigger.start)

    def _last_before(self, place: int) -> Match | None:
        """The mention named last before a word, whatever stands in between."""
        return next((m for m in reversed(self.mentions) if m.end <= place), None)

    def _excepted(self, exception: Trigger) -> str:
        """What is said of a finding that is absent but for an exception.

        An exception that is another finding ("no nodule other than a granuloma") leaves it absent.
        """
        comma = next((j for j in self.clauses.joints if j > exception.end), len(self.words))
        last = min(comma, self.clauses.next_end(exception.start))
        if any(exception.end <= mention.start < last for mention in self.mentions):
            return "absent"
        hedged = any(exception.end <= t.start < last and t.rule.kind == "uncertainty" for t in self.triggers)
        return "uncertain" if hedged else "present"

    def _is_alternative(self, mention: Match) -> bool:
        for trigger in self.triggers:
            if not self._parts(trigger, mention):
                continue
            before = [m for m in self.mentions if self._near(m.end, trigger.start)]
            after = [m for m in self.mentions if self._near(trigger.end, m.start)]
            if before and after and mention in (before[-1], after[0]):
                return not self._look_alike(before[-1], after[0])
        return False

    def _parts(self, trigger: Trigger, mention: Match) -> bool:
        """Whether a trigger makes an alternative of the mention; "and/or" only of a diagnosis."""
        if trigger.rule.kind == "inclusive":
            names = {name for meaning in mention.payloads for name in meaning.names}
            return not names.isdisjoint(self.rules.diagnoses)
        return trigger.rule.kind == "alternative"

    def _look_alike(self, one: Match, other: Match) -> bool:
        """Whether both name findings of one `rules.kin`: "atelectasis or scarring" is one streak."""
        names = {name for match in (one, other) for meaning in match.payloads for name in meaning.names}
        return any(names <= kin for kin in self.rules.kin)

    def _near(self, start: int, stop: int) -> bool:
        return 0 <= stop - start <= self.rules.window and not self.clauses.ended(start, stop)


def _share_words(one: Match, other: Match) -> bool:
    """Whether two phrases have a word in common, those in gaps left out."""
    spans = [[(m.start, m.head), (m.anchor, m.end)] for m in (one, other)]
    return any(max(a[0], b[0]) < min(a[1], b[1]) for a in spans[0] for b in spans[1])
