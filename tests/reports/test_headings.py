import pytest

from cxrneighbors.reports.headings import find_headings


@pytest.mark.parametrize(
    "line",
    [
        "The chest is clear.",
        "the lungs and\nchest\nare clear.",
        "CHEST tube in place.",
        "CHEST x-ray shows no change.",
        "Comparison to prior study shows no change.",
        "no change in\ncomparison\nto the prior.",
        "Chest tube: in place.",
        "AP chest compared to ___:\nclear.",
        "At 5:30 the impression was: none.",
        "1. Clear chest. 2. No edema.",
        "Ratio 2:1 in the chest.",
        "Findings are stable.",
        "___\n________________",
    ],
)
def test_words_of_the_text_are_no_headings(line):
    assert [heading.section for heading in find_headings(f"FINDINGS: One.\n{line}")] == ["findings"]


def test_a_title_in_capitals_needs_small_letters_elsewhere():
    text = "HISTORY: COUGH.\nCHEST TUBE FOR EFFUSION SEEN: NO.\nFINDINGS: CLEAR."
    assert [heading.section for heading in find_headings(text)] == ["history", "findings"]


def test_places_and_banners():
    text = "WET READ: None.\n   FINAL REPORT\n HISTORY: x\n CHEST, TWO VIEWS: Clear."
    found = find_headings(text)
    assert [(each.section, each.kind) for each in found] == [
        ("wet read", "named"), ("", "banner"), ("history", "named"), ("findings", "view"),
    ]  # fmt: skip
    assert [text[each.start : each.end].strip() for each in found] == [
        "WET READ:", "FINAL REPORT", "HISTORY:", "CHEST, TWO VIEWS:",
    ]  # fmt: skip
    for text in ("FINAL ADDENDUM\nClear.", "FINAL ADDENDUM Clear.\n____\nFINAL REPORT HISTORY: x"):
        assert find_headings(text)[0].section == "addendum"
    assert find_headings("Final report to follow.") == []
