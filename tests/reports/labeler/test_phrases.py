import itertools

import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.reports.labeler.phrases import GAP, MAX_GAP, PhraseBook, find_all, parse_phrase


def book(**phrases):
    made = PhraseBook()
    for payload, phrase in phrases.items():
        made.add([phrase], payload)
    return made


def spans(made, text):
    return [(m.start, m.end, m.payloads) for m in find_all(made, text.split())]


def readings(phrase):
    """Every word sequence of a phrase without gaps, written out."""
    choices = [
        [*sorted(slot.words), None] if slot.may_miss else sorted(slot.words) for slot in parse_phrase(phrase)
    ]
    return {tuple(word for word in way if word) for way in itertools.product(*choices)}


@pytest.mark.parametrize("phrase", ["a ?b|c d", "?a ?b c|d ?e", "a|b ?a|b a|b"])
def test_a_phrase_is_found_where_one_of_its_readings_stands(phrase):
    made = book(x=phrase)
    ways = readings(phrase)
    for length in range(1, 5):
        for words in itertools.product("abcde", repeat=length):
            longest = max((n for n in range(1, length + 1) if words[:n] in ways), default=None)
            match = made.at(list(words), 0)
            assert (match.end if match else None) == longest


def test_the_longest_phrase_wins_and_equal_ones_both_count():
    made = book(one="effusion", two="pleural effusion", three="pleural effusion|fluid")
    assert spans(made, "no pleural effusion or effusion") == [(1, 3, ("two", "three")), (4, 5, ("one",))]


def test_a_gap_is_short_and_stays_in_its_clause():
    made = book(big=f"heart {GAP} enlarged")
    assert spans(made, "heart is very enlarged") == [(0, 4, ("big",))]
    assert spans(made, "heart " + "x " * MAX_GAP + "enlarged")
    assert not spans(made, "heart " + "x " * (MAX_GAP + 1) + "enlarged")
    assert not spans(made, "heart normal , aorta enlarged")
    match = made.at(["heart", "is", "not", "enlarged"], 0)
    assert (match.anchor, match.head) == (3, 1)


def test_words_in_a_gap_may_hold_another_phrase_but_its_tail_not():
    made = book(big=f"heart {GAP} enlarged", word="very", tail="enlarged")
    assert [payloads for *_, payloads in spans(made, "heart is very enlarged")] == [("big",), ("word",)]


@pytest.mark.parametrize(
    "phrase", ["... heart", "heart ...", "?heart", "heart ... ?big", "heart ?big|?large", "a||b"]
)
def test_phrases_against_the_notation_are_refused(phrase):
    with pytest.raises(UserError, match="correct the rule file"):
        parse_phrase(phrase)
