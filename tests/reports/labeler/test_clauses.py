"""Clauses on words of the test's own; `test_scope` shows what they do to a trigger."""

import pytest

from cxrneighbors.reports.labeler.clauses import Clauses
from cxrneighbors.reports.labeler.phrases import find_all
from cxrneighbors.reports.labeler.rules import Meaning, Rules

RULES = Rules(
    joints=frozenset([",", "and"]),
    clause_words=frozenset(["small"]),
    verbs=frozenset(["is", "has"]),
    closing=frozenset(["seen"]),
    predicates=frozenset(["stable"]),
    prepositions=frozenset(["in"]),
    places=frozenset(["apex"]),
)
RULES.mentions.add(["aaa", "bbb", "ccc"], Meaning(("A",), "present"))


def clauses(text):
    words = [*text.split(), "."]
    ends = [i for i, word in enumerate(words) if word == "but"]
    joints = [i for i, word in enumerate(words) if word in RULES.joints]
    return Clauses(words, RULES, find_all(RULES.mentions, words), ends, joints, set())


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("no aaa bbb", False),
        ("no aaa , bbb", False),
        ("no aaa but bbb", True),
        ("no aaa , bbb is large", True),
        ("no aaa , bbb is seen", False),
        ("no aaa , small bbb", True),
        ("no aaa , small bbb or ccc", False),
        ("no aaa , or small bbb", False),
        ("no aaa , bbb stable", True),
        ("no aaa , bbb seen in the apex", True),
        ("no aaa and bbb seen in the apex", False),
        ("no aaa or ccc , bbb", True),
    ],
)
def test_whether_a_clause_begins_between_a_trigger_and_a_mention_behind_it(text, closed):
    words = text.split()
    assert clauses(text).closed(1, words.index("bbb")) == closed


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("aaa gone", False),
        ("aaa and bbb gone", False),
        ("aaa but bbb gone", True),
        ("aaa is large and bbb gone", True),
        ("aaa stable , bbb gone", True),
        ("aaa , small bbb gone", True),
    ],
)
def test_whether_one_ends_between_a_mention_and_a_trigger_behind_it(text, closed):
    assert clauses(text).closed_back(1, text.split().index("gone")) == closed


def test_the_next_end_is_a_word_or_the_end_of_the_sentence():
    assert clauses("aaa but bbb").next_end(0) == 1
    assert clauses("aaa but bbb").next_end(1) == 4
