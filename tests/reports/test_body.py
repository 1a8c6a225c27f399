import pytest

from cxrneighbors.reports.body import BODY, refers_back
from cxrneighbors.reports.sections import parse_sections


@pytest.mark.parametrize("text", ["As above.", "1. See above", "as described above", "As above", "above."])
def test_refers_back(text):
    assert refers_back(text) and not refers_back(f"{text} No edema.") and not refers_back("")


def test_a_history_alone_is_not_a_body():
    for text in ("HISTORY: Cough. Prior edema.", "INDICATION: Fever. // edema?\nIMPRESSION: Clear lungs."):
        assert "body" not in parse_sections(text)


def test_the_films_compared_with_are_not_a_body():
    text = "COMPARISON: Chest radiographs of ___. Prior CT is available.\nIMPRESSION: Clear."
    assert parse_sections(text)["comparison"].endswith("is available.")


def test_the_text_below_a_banner_is_a_body():
    assert parse_sections("FINAL REPORT\n Chest, two views.\n\n Lungs are\n clear.\n\n Normal.") == {
        "examination": "Chest, two views.",
        "body": "Lungs are clear.\n\nNormal.",
    }


def test_paragraphs_after_the_last_other_heading():
    text = "INDICATION: Cough.\n\nCOMPARISON: None.\n\nLungs\nclear.\n\nNo acute process."
    assert parse_sections(text) == {
        "indication": "Cough.",
        "comparison": "None.",
        "body": "Lungs clear.\n\nNo acute process.",
    }


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("COMPARISON: ___.\n\nLow lung volumes.\n\nIMPRESSION: New.", "Low lung volumes."),
        ("COMPARISON: None. Low lung volumes. The heart is large. IMPRESSION: New.",
         "Low lung volumes. The heart is large."),
        ("COMPARISON: ___. CT is available. The heart is large. IMPRESSION: New.", "The heart is large."),
        ("HISTORY: Cough. No fever. The lungs are clear. The heart is large. IMPRESSION: New.",
         "The lungs are clear. The heart is large."),
        ("HISTORY: COPD. Known effusion.\n\nSeen on ___.\n\nLungs are clear.\n\nIMPRESSION: New.",
         "Seen on ___.\n\nLungs are clear."),
    ],
)  # fmt: skip
def test_where_a_body_begins(text, body):
    assert parse_sections(text)[BODY] == body
