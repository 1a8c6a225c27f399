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
    ("not-stated", "after"): ["history of"],
    ("none", "both"): ["no change in", "aorta , and"],
    ("end", "both"): ["but"],
}


@pytest.fixture(scope="module")
def rules():
    made = Rules(
        joints=frozenset([",", "and"]),
        clause_words=frozenset(["small", "left"]),
        verbs=frozenset(["is", "are", "has"]),
        closing=frozenset(["clear"]),
        window=2,
    )
    for name in ("A", "B", "C"):
        made.mentions.add([name.lower() * 3], Meaning((name,), "present"))
    made.mentions.add(["normal"], Meaning(("N",), "absent"))
    for (kind, side), phrases in TRIGGERS.items():
        made.triggers.add(phrases, TriggerRule(kind, side))
    return made


@pytest.fixture(scope="module")
def judged(rules):
    """Sentence -> the first letters of the statuses of its mentions, '-' for none."""

    def judge(text):
        words = [*text.split(), "."]
        matches, scopes = find_all(rules.mentions, words), Scopes(words, rules)
        statuses = [scopes.status(m, meaning.status, matches) for m in matches for meaning in m.payloads]
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
    ],
)
def test_alternatives(judged, text, expected):
    assert judged(text) == expected


def test_what_is_absent_by_itself(judged):
    assert judged("no normal") == "p"
    assert judged("no aaa , heart normal") == "aa"  # too far to be turned round


def test_without_triggers_nothing_changes(rules):
    made = Scopes(["aaa", "."], rules)
    (match,) = find_all(rules.mentions, ["aaa", "."])
    assert made.triggers == [] and [made.status(match, s, [match]) for s in ("uncertain", "absent")] == [
        "uncertain", "absent",
    ]  # fmt: skip
    assert isinstance(rules.triggers, PhraseBook)
