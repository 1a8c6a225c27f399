"""Reports with their findings marked, against the labeler's own mentions."""

from __future__ import annotations

import html
import re

from cxrneighbors.app.report_html import report_html
from cxrneighbors.reports.labeler.mentions import find_mentions

REPORT = (
    "INDICATION: Rule out effusion.\n\nFINDINGS: Small left pneumothorax. No edema. Possible <mass> & nodule."
)


def test_marks_are_the_mentions() -> None:
    found = re.findall(r'<mark class="(\w+)" title="[^"]+">([^<]+)</mark>', report_html(REPORT))
    expected = [(m.status, REPORT[m.word_start : m.word_end]) for m in find_mentions(REPORT)]
    assert found and {(status, html.unescape(words)) for status, words in found} <= set(expected)
    assert ("present", "pneumothorax") in found and ("absent", "edema") in found


def test_the_text_is_whole() -> None:
    shown = html.unescape(re.sub(r"</?(mark|span)[^>]*>", "", report_html(REPORT)))
    assert shown.split() == REPORT.split()


def test_what_is_not_read_for_findings_is_set_apart() -> None:
    assert re.search(r'<span class="unread">INDICATION: Rule out effusion\.', report_html(REPORT))


def test_a_statement_of_health_is_no_finding() -> None:
    assert 'class="absent" title="normal"' in report_html("Lungs are clear.")
