from __future__ import annotations

import pytest

from cxrneighbors.reports.abbreviations import ABBREVIATIONS
from cxrneighbors.reports.labeler.tokens import sentences
from cxrneighbors.reports.sentences import split_sentences


@pytest.mark.parametrize("word", sorted(word for word in ABBREVIATIONS if "." not in word))
def test_prose_and_labeler_end_sentences_at_the_same_places(word):
    text = f"Opacity {word}. unchanged. Heart normal."
    assert len(split_sentences(text)) == len(sentences(text)) == 2
