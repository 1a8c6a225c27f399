import re

import pytest

from cxrneighbors.reports.labeler.queries import finding_status
from cxrneighbors.reports.labeler.rules import RULES_FOLDER
from cxrneighbors.reports.labeler.spelling import correct, one_slip_away


@pytest.mark.parametrize("word", ["efusion", "effusiion", "effsuion", "effuzion", "effusion"])
def test_one_slip_is_mended(word):
    assert correct(word) == "effusion"


@pytest.mark.parametrize(
    "word", ["infusion", "effusive", "pneumonic", "fractured", "infiltrated", "ffusion", "efusoin"]
)
def test_other_words_and_two_slips_stay(word):
    assert correct(word) == word


def test_slips_keep_the_first_and_last_letter():
    slips = set(one_slip_away("abc"))
    assert {"ac", "axc", "abxc", "axbc"} <= slips and {"bc", "ab", "xabc", "bac"}.isdisjoint(slips)


def test_no_word_of_the_rules_is_changed():
    text = " ".join(path.read_text(encoding="utf-8") for path in RULES_FOLDER.glob("*.toml"))
    words = set(re.findall("[a-z]+", text))
    assert len(words) > 500 and {word for word in words if correct(word) != word} == set()


def test_a_misspelt_finding_is_found():
    assert finding_status("No pnuemothorax, small left efusions.", "Pneumothorax") == "absent"
    assert finding_status("No pnuemothorax, small left efusions.", "Effusion") == "present"
