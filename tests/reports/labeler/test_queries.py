import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.reports.labeler.queries import finding_status, known_name, mentions, term_mentions


@pytest.mark.parametrize(
    ("text", "term", "expected"),
    [
        ("Chest tube in place.", "chest tube", True),
        ("Left thoracostomy tube.", "Chest Tube", True),
        ("Chest tube has been removed.", "chest tube", False),
        ("No chest tube.", "chest tube", False),
        ("Clear lungs.", "chest tube", False),
        ("Possible pneumothorax.", "pneumothorax", True),
        ("Biapical pleural thickening.", "pleural thickening", True),
        ("Azygos fissure on the right.", "azygos fissures", True),
        ("No azygos fissure.", "azygos fissure", False),
        ("Azygous vein, fissure.", "azygos fissure", False),
        (None, "chest tube", False),
        (float("nan"), "azygos fissure", False),
    ],
)
def test_mentions(text, term, expected):
    assert mentions(text, term) is expected


def test_statuses_can_be_chosen():
    assert mentions("No chest tube.", "chest tube", statuses=("absent",))
    assert not mentions("Possible mass.", "mass", statuses=("present",))
    with pytest.raises(UserError, match="unknown status 'negative'"):
        mentions("No mass.", "mass", statuses=("negative",))


def test_term_mentions_say_where():
    text = "No PICC. A PICC ends in the SVC."
    assert [(m.status, text[m.word_start : m.word_end]) for m in term_mentions(text, "picc")] == [
        ("absent", "PICC"),
        ("present", "PICC"),
    ]


@pytest.mark.parametrize("term", ["", " ?!"])
def test_a_term_needs_a_word(term):
    with pytest.raises(UserError, match="holds no word"):
        mentions("Clear.", term)


def test_notation_in_a_term_is_no_notation():
    assert not mentions("A b c.", "a ... c")
    assert not mentions("B.", "a|b")


def test_finding_status():
    assert finding_status("No effusion.", "Effusion") == "absent"
    assert finding_status("Clear lungs.", "Effusion") is None
    assert finding_status(None, "Effusion") is None
    assert finding_status("Clear lungs.", "no finding") == "present"
    with pytest.raises(UserError, match="unknown finding 'Elephant'"):
        finding_status("Clear lungs.", "Elephant")


def test_known_name():
    assert known_name("PLEURAL_thickening") == known_name("pleural  thickening") == "Pleural_Thickening"
    assert known_name("azygos") is None
