"""Scopes on rules of the test's own, so that each sentence shows one of them."""

import pytest

from cxrneighbors.reports.labeler.phrases import PhraseBook, find_all
from cxrneighbors.reports.labeler.rules import Meaning, Rules, TriggerRule
from cxrneighbors.reports.labeler.scope import Scopes

TRIGGERS = {
    ("negation", "after"): ["no", "without"],
    ("negation", "before"): ["not seen"],
    ("doubted-exclusion", "after"): ["can not exclude"],
    ("uncertainty", "after"): ["possible"],
    ("uncertainty", "before"): ["suspected"],
    ("alternative", "both"): ["or", "versus"],
    ("inclusive", "both"): ["and or"],
    ("not-stated", "after"): ["history of"],
    ("none", "both"): ["no change in", "aorta , and"],
    ("end", "both"): ["but", "except", "which"],
    ("exception", "back"): ["except"],
    ("doubted-exclusion", "back"): ["not exclude one"],
}
REQUESTS = ["rule out"]


@pytest.fixture(scope="module")
def rules():
    made = Rules(
        joints=frozenset([",", "and"]),
        clause_words=frozenset(["small", "left"]),
        verbs=frozenset(["is", "are", "has"]),
        closing=frozenset(["clear", "seen"]),
        predicates=frozenset(["stable"]),
        prepositions=frozenset(["in"]),
        places=frozenset(["apex"]),
        kin=(frozenset(["A", "C"]),),
        diagnoses=frozenset(["B"]),
        window=2,
    )
    for name in ("A", "B", "C"):
        made.mentions.add([name.lower() * 3], Meaning((name,), "present"))
    made.mentions.add(["normal"], Meaning(("N",), "absent"))
    for (kind, side), phrases in TRIGGERS.items():
        made.triggers.add(phrases, TriggerRule(kind, side))
    made.triggers.add(REQUESTS, TriggerRule("negation", "after"))
    made.triggers.add(REQUESTS, TriggerRule("not-stated", "after", begins_clause=True))
    return made


@pytest.fixture(scope="module")
def judged(rules):
    """Sentence -> the first letters of the statuses of its mentions, '-' for none."""

    def judge(text):
        words = [*text.split(), "."]
        matches = find_all(rules.mentions, words)
        scopes = Scopes(words, rules, matches)
        statuses = [scopes.status(m, meaning.status) for m in matches for meaning in m.payloads]
        return "".join((status or "-")[0] for status in statuses)

    return judge


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aaa", "p"),
        ("no aaa", "a"),
        ("aaa without bbb", "pa"),  # a trigger acts on its own side
        ("aaa not seen", "a"),
        ("possible aaa", "u"),
        ("no possible aaa", "a"),  # negation before uncertainty
        ("can not exclude aaa", "u"),
        ("can not exclude aaa without bbb", "ua"),  # the nearest decides
        ("no change in aaa", "p"),  # the longer phrase hides the shorter
        ("history of aaa", "-"),
        ("aaa suspected", "u"),
        ("rule out aaa", "-"),  # asked for
        ("please rule out aaa", "-"),
        ("films rule out aaa", "a"),  # answered
        ("no aaa , rule out bbb", "a-"),
    ],
)
def test_kinds_and_sides(judged, text, expected):
    assert judged(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no aaa , bbb and ccc", "aaa"),  # one list
        ("no aaa but bbb", "ap"),  # a word that ends every scope
        ("no aaa , bbb is large", "ap"),  # a verb opens a clause
        ("no aaa , lungs are clear , bbb", "aa"),  # but not one that a closing word follows
        ("no aaa , small bbb", "ap"),  # so does a word that begins one
        ("no aaa , small bbb , or ccc", "aaa"),  # unless it is one list
        ("no aaa , possible bbb", "au"),  # and so does a trigger of its own
        ("aaa and bbb not seen", "aa"),
        ("aaa is large and bbb not seen", "pa"),
        ("aaa , left bbb not seen", "pa"),
        ("aaa but bbb not seen", "pa"),
        ("no aaa , and bbb is large", "ap"),
        ("no aaa , bbb stable", "ap"),  # a predicate without a verb
        ("no aaa and bbb stable", "ap"),
        ("no aaa , bbb or stable disease", "aa"),
        ("no aaa , bbb is seen", "aa"),
        ("no aaa , bbb is seen in the apex", "ap"),  # a place of its own
        ("no aaa , bbb in the apex", "ap"),
        ("no aaa , bbb in the lungs", "aa"),
        ("no aaa , bbb , ccc in the apex", "aaa"),
        ("no aaa or bbb , ccc", "aap"),  # the list had its last item
        ("no aaa or bbb , ccc , or bbb", "aaaa"),
        ("aaa stable , bbb not seen", "pa"),
    ],
)
def test_where_a_scope_ends(judged, text, expected):
    assert judged(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aaa or bbb", "uu"),
        ("ccc , aaa versus bbb", "puu"),  # those beside the word alone
        ("aaa or other things bbb", "uu"),
        ("aaa or all those other things bbb", "pp"),  # farther than the window
        ("aaa or large", "p"),
        ("no aaa or bbb", "aa"),
        ("aaa or ccc", "pp"),  # they look alike
        ("possible aaa or ccc", "uu"),
        ("aaa and or ccc", "pp"),
        ("aaa and or bbb", "pu"),  # a diagnosis stays open
        ("no aaa and or bbb", "aa"),
    ],
)
def test_alternatives(judged, text, expected):
    assert judged(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no aaa except in the apex", "p"),
        ("no aaa or bbb except in the apex", "ap"),  # of the last alone
        ("no aaa except possible in the apex", "u"),
        ("no aaa except bbb", "ap"),  # another finding is no place
        ("no aaa except in the apex , bbb is large", "pp"),
        ("normal except in the apex", "p"),
        ("aaa except in the apex", "p"),
    ],
)
def test_exceptions(judged, text, expected):
    assert judged(text) == expected


def test_doubt_that_points_back_passes_every_end_and_outranks_negation(judged):
    assert judged("no aaa which does not exclude one") == "u"
    assert judged("no aaa or bbb but this does not exclude one") == "au"
    assert judged("not exclude one aaa") == "p"


def test_what_is_absent_by_itself(judged):
    assert judged("no normal") == "p"
    assert judged("no aaa , heart normal") == "aa"  # too far to be turned round


def test_without_triggers_nothing_changes(rules):
    (match,) = matches = find_all(rules.mentions, ["aaa", "."])
    made = Scopes(["aaa", "."], rules, matches)
    assert made.triggers == []
    assert [made.status(match, status) for status in ("uncertain", "absent")] == ["uncertain", "absent"]
    assert isinstance(rules.triggers, PhraseBook)
