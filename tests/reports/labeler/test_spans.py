from itertools import pairwise

import pytest

from cxrneighbors.reports.labeler.spans import NOT_READ, read_spans

READ = "The heart is large."
LEFT_OUT = "Cough, prior pneumonia."


def read(text):
    return [text[start:end].strip() for start, end in read_spans(text)]


def test_without_headings_all_is_read():
    assert read(READ + "\n\n" + LEFT_OUT) == [READ + "\n\n" + LEFT_OUT]
    assert read_spans("") == [(0, 0)]


@pytest.mark.parametrize("section", [*sorted(NOT_READ), "findings", "impression"])
def test_only_findings_impression_and_what_has_no_section_are_read(section):
    text = f"{section.upper()}: {LEFT_OUT}\nFINDINGS: {READ}"
    assert (LEFT_OUT in read(text)) == (section not in NOT_READ)
    assert READ in " ".join(read(text))


def test_the_paragraphs_after_the_last_headed_one_are_read():
    assert read(f"HISTORY: {LEFT_OUT}\n\n{READ}\n\nNo effusion.") == [f"{READ}\n\nNo effusion."]
    assert read(f"HISTORY: {LEFT_OUT}") == []


def test_text_before_the_first_heading_is_read_unless_there_are_findings():
    assert read(f"{READ}\nIMPRESSION: Normal.") == [READ, "Normal."]
    assert read(f"{LEFT_OUT}\nFINDINGS: {READ}") == [READ]


def test_spans_are_in_order_and_apart():
    text = f"{READ}\nHISTORY: {LEFT_OUT}\nIMPRESSION: One.\nWET READ: Two.\nTECHNIQUE: PA.\n\nThree."
    spans = read_spans(text)
    assert [text[a:b].strip() for a, b in spans] == [READ, "One.", "Two.", "Three."]
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
