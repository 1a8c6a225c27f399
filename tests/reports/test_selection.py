import pytest

from cxrneighbors.reports.selection import report_text, text_source

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


@pytest.mark.parametrize(
    ("report", "sections", "source"),
    [
        ("whole", SECTIONS, "findings+impression"),
        ("whole", {"impression": "Normal."}, "impression"),
        ("whole", {"body": "Clear.", "impression": "As above."}, "body+impression"),
        ("whole", {"body": "Clear.", "findings": "Clear."}, "findings"),
        ("whole", {"impression": "As above.", "wet read": "Clear."}, "wet read"),
        ("whole", {"history": "Cough.", "addendum": "Clear."}, "addendum"),
        ("whole", {"impression": "As above."}, "whole"),
        ("whole", {"history": "Cough.", "recommendations": "Treat."}, "whole"),
        ("whole", None, "whole"),
        (None, {"history": "Cough."}, None),
    ],
)
def test_source(report, sections, source):
    assert text_source(report, sections) == source
    said = {"whole": "whole", None: None}
    texts = [(sections or {}).get(name, "").strip() for name in (source or "").split("+")]
    assert report_text(report, sections) == said.get(source, "\n\n".join(texts))


def test_a_body_stands_for_findings_alone_too():
    sections = {"body": "Clear.", "impression": "Normal."}
    assert report_text("whole", sections, ("findings",)) == "Clear."
    assert report_text("whole", sections, ("impression",)) == "Normal."
