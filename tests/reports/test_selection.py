import pytest

from cxrneighbors.reports.selection import report_text

SECTIONS = {"history": "Cough.", "findings": " Clear. ", "impression": "Normal."}


@pytest.mark.parametrize(
    ("report", "sections", "use", "text"),
    [
        ("whole", SECTIONS, ("findings", "impression"), "Clear.\n\nNormal."),
        ("whole", SECTIONS, ("impression", "findings"), "Normal.\n\nClear."),
        ("whole", SECTIONS, ("impression",), "Normal."),
        ("whole", {"history": "Cough."}, ("findings", "impression"), "whole"),
        ("whole", {"findings": "  "}, ("findings",), "whole"),
        (" whole ", None, ("findings",), "whole"),
        ("whole", SECTIONS, (), "whole"),
        (None, SECTIONS, ("findings",), "Clear."),
        (None, None, ("findings",), None),
        ("  ", None, ("findings",), None),
        (float("nan"), None, ("findings",), None),
    ],
)
def test_selection(report, sections, use, text):
    assert report_text(report, sections, use) == text
