"""Where the clauses of a sentence begin: how far along the words a trigger may act."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence

from cxrneighbors.reports.labeler.phrases import Match
from cxrneighbors.reports.labeler.rules import Rules

OR = frozenset({"or", "nor"})


class Clauses:
    """One sentence cut by words that always end a clause (`ends`) and joints that may ("," and "and").

    words: of the sentence; ends, joints, starts: places in it, in order (`starts`: of triggers that act on
    what follows, which begin a clause of their own behind a joint); mentions: its findings, in order.
    """

    def __init__(
        self,
        words: Sequence[str],
        rules: Rules,
        mentions: Sequence[Match],
        ends: Sequence[int],
        joints: Sequence[int],
        starts: Collection[int],
    ) -> None:
        self.words, self.rules, self.mentions = words, rules, mentions
        self.ends, self.joints, self.starts = ends, joints, starts

    def with_starts(self, starts: Collection[int]) -> Clauses:
        """The same sentence for triggers of another kind."""
        return Clauses(self.words, self.rules, self.mentions, self.ends, self.joints, starts)

    def closed(self, start: int, stop: int) -> bool:
        """Whether a clause begins between a trigger that ends at `start` and the word `stop` behind it."""
        if self.ended(start, stop):
            return True
        return any(start <= joint < stop and self._opens(joint, start) for joint in self.joints)

    def closed_back(self, start: int, stop: int) -> bool:
        """Whether one ends between a mention that ends at `start` and a trigger at `stop` behind it."""
        if self.ended(start, stop):
            return True
        # "The effusion is small and the pneumothorax has resolved", "Effusion stable, nodule not seen": a
        # predicate before the joint has closed the first clause, a word that begins one behind it as well.
        rules = self.rules
        return any(
            self.words[joint + 1] in rules.clause_words
            or any(word in rules.verbs or word in rules.predicates for word in self.words[start:joint])
            for joint in self.joints
            if start <= joint < stop
        )

    def ended(self, start: int, stop: int) -> bool:
        """Whether a word that always ends a clause begins in `words[start:stop]`."""
        return any(start <= end < stop for end in self.ends)

    def next_end(self, start: int) -> int:
        """The first place behind `start` at which a clause surely ends; the sentence's length if none."""
        return min((end for end in self.ends if end > start), default=len(self.words))

    def _opens(self, joint: int, since: int) -> bool:
        """Whether a clause begins behind the joint, so that a scope running since word `since` ends."""
        words, rules, first = self.words, self.rules, joint + 1
        while first < len(words) and words[first] in rules.joints:
            first += 1
        if first >= len(words) or words[first] in OR:
            return False
        if first in self.starts:
            return True
        last = next((j for j in [*self.joints, *self.ends] if j > first), len(words))
        if self._has_verb(first, last) or self._has_predicate(first, last):
            return True
        listed = any(word in OR for word in words[first : self.next_end(first)])
        if listed:  # "No consolidation, small effusion, or pneumothorax" is one list.
            return False
        return (
            words[first] in rules.clause_words
            or self._list_is_closed(since, joint)
            or self._is_placed(joint, since, first)
        )

    def _has_verb(self, first: int, last: int) -> bool:
        """Whether `words[first:last]` have a verb, unless it only closes the list ("are seen")."""
        return any(
            self.words[i] in self.rules.verbs and self.words[i + 1] not in self.rules.closing
            for i in range(first, min(last, len(self.words) - 1))
        )

    def _has_predicate(self, first: int, last: int) -> bool:
        """Whether the item ends in a predicate without a verb: "no mass, nodules stable"."""
        nouns = [m for m in self.mentions if first <= m.start and m.end <= last]
        for word in self.words[nouns[-1].end : last] if nouns else ():
            if word in OR:
                return False
            if word in self.rules.predicates:
                return True
        return False

    def _list_is_closed(self, since: int, joint: int) -> bool:
        """Whether the list before the joint had its last item: "no effusion or pneumothorax, ..."."""
        if self.words[joint] != ",":
            return False
        inside = [m.start for m in self.mentions if since <= m.start < joint]
        if since and self.words[since - 1] == "nor":
            return bool(inside)
        ors = [place for place in range(since, joint) if self.words[place] in OR]
        return any(start < place for start in inside for place in ors) and inside[-1] > ors[-1]

    def _is_placed(self, joint: int, since: int, first: int) -> bool:
        """Whether the item has a place of its own: "no effusion, pneumothorax is present on the left".

        Not in a list of three and more, where a place may hold for all.
        """
        if self.words[joint] != "," or self.joints[bisect_left(self.joints, since)] != joint:
            return False
        last = self.next_end(first)
        noun = next((m for m in self.mentions if first <= m.start and m.end <= last), None)
        if noun is None or any(j > joint and j < last for j in self.joints):
            return False
        rest = self.words[noun.end : last]
        skip = sum(1 for word in rest[:2] if word in self.rules.verbs or word in self.rules.closing)
        return (
            len(rest) > skip
            and rest[skip] in self.rules.prepositions
            and any(word in self.rules.places for word in rest[skip:])
        )
