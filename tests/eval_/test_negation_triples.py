"""The form of `eval/negation_triples.csv`: anchor, its rewording, and its opposite in nearly its words."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

TRIPLES = Path(__file__).parents[2] / "eval" / "negation_triples.csv"
SENTENCES = ("anchor", "same", "different")
PARTS = ("development", "held-back")
SIDES = {"left", "right", "both", "bilateral", "unilateral", "one"}


@pytest.fixture(scope="module")
def triples() -> list[dict[str, str]]:
    with TRIPLES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower()))


def shared(a: str, b: str) -> float:
    """Jaccard overlap of two sentences' words, in [0, 1]."""
    return len(words(a) & words(b)) / len(words(a) | words(b))


def test_columns_and_counts(triples: list[dict[str, str]]) -> None:
    assert all(list(row) == ["part", "kind", *SENTENCES] for row in triples)
    assert all(row[name] and row[name] == row[name].strip() for row in triples for name in row)
    kinds = Counter(row["kind"] for row in triples)
    assert set(kinds) == {"negation", "side"}
    assert kinds["negation"] >= 140 and kinds["side"] >= 80 and len(triples) >= 220


def test_parts_alternate_within_each_kind(triples: list[dict[str, str]]) -> None:
    for kind in ("negation", "side"):
        parts = [row["part"] for row in triples if row["kind"] == kind]
        assert parts == [PARTS[number % 2] for number in range(len(parts))]


def test_no_sentence_comes_twice(triples: list[dict[str, str]]) -> None:
    found = Counter(" ".join(row[name].lower().split()) for row in triples for name in SENTENCES)
    assert [sentence for sentence, times in found.items() if times > 1] == []


def test_sentences_are_3_to_25_plain_words(triples: list[dict[str, str]]) -> None:
    for row in triples:
        for name in SENTENCES:
            assert row[name].isascii() and 3 <= len(row[name].split()) <= 25, row[name]


def test_the_opposite_is_lexically_nearer_than_the_rewording(triples: list[dict[str, str]]) -> None:
    nearer = [shared(row["anchor"], row["different"]) > shared(row["anchor"], row["same"]) for row in triples]
    assert sum(nearer) >= 0.8 * len(nearer)


def test_only_side_triples_change_the_side(triples: list[dict[str, str]]) -> None:
    for row in triples:
        changed = words(row["anchor"]) ^ words(row["different"])
        assert bool(changed & SIDES) == (row["kind"] == "side"), row["anchor"]


def test_negation_goes_both_ways(triples: list[dict[str, str]]) -> None:
    """At least 50 anchors negate where their opposite does not, and as many the other way round."""
    negating = {"no", "not", "without", "absent", "neither"}
    rows = [row for row in triples if row["kind"] == "negation"]
    denies = [[len(negating & words(row[name])) for name in ("anchor", "different")] for row in rows]
    assert sum(anchor > other for anchor, other in denies) >= 50
    assert sum(anchor < other for anchor, other in denies) >= 50
