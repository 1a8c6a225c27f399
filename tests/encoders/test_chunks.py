from __future__ import annotations

import pytest

from cxrneighbors.encoders.chunks import split_to_fit


def words(text: str) -> int:
    return len(text.split())


def letters(text: str) -> int:
    return len(text)


def test_text_that_fits_stays_as_it_is():
    text = "  1. Odd   spacing.\n\nStays. "
    assert split_to_fit(text, 50, words) == [text]


def test_sentences_are_packed_greedily_in_order():
    text = "One two. Three. Four five six. Seven eight nine ten."
    assert split_to_fit(text, 4, words) == ["One two. Three.", "Four five six.", "Seven eight nine ten."]


def test_long_sentence_is_cut_between_words_and_its_rest_takes_what_follows():
    text = "Clear. b c d e f g h lung. Normal."
    assert split_to_fit(text, 3, words) == ["Clear.", "b c d", "e f g", "h lung. Normal."]


def test_long_word_is_cut_between_letters():
    assert split_to_fit("abcdefgh ij", 3, letters) == ["abc", "def", "gh", "ij"]


@pytest.mark.parametrize("limit", [1, 2, 5, 17])
def test_no_word_is_lost_and_every_chunk_fits(limit: int):
    text = " ".join(f"Sentence {i} has {'very ' * (i % 7)}many words." for i in range(30))
    chunks = split_to_fit(text, limit, words)
    assert " ".join(chunks).split() == text.split()
    assert max(map(words, chunks)) <= limit


def test_limit_must_be_positive():
    with pytest.raises(ValueError, match="at least 1"):
        split_to_fit("text", 0, words)
