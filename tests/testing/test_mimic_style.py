import numpy as np
import pytest

from cxrneighbors.reports.heading_names import published_headings
from cxrneighbors.testing.mimic_style import styled_report

SECTIONS = {
    "examination": "CHEST (PORTABLE AP)",
    "history": "Cough. " * 30,
    "comparison": "___.",
    "findings": "The lungs are clear.\n\nNo effusion.",
    "impression": "Normal.",
}


@pytest.mark.parametrize("loose", [False, True])
def test_the_truth_says_where_each_text_stands(loose):
    rng = np.random.default_rng(0)
    for _ in range(100):
        report = styled_report(SECTIONS, rng, loose)
        said = {name: report.text[start:end] for name, start, end in report.truth}
        for name, text in SECTIONS.items():
            above = name == "impression" and said[name] == "As above."
            assert above or said[name].split() == text.split()
        assert "FINAL REPORT" in report.text and (loose or max(map(len, report.text.split("\n"))) < 110)


def test_headings_come_as_often_as_published():
    rng = np.random.default_rng(0)
    texts = [styled_report(SECTIONS, rng).text for _ in range(1500)]
    counts = {heading: count for heading, (_, count) in published_headings().items()}
    for heading, of in (
        ("clinical history", "history"),
        ("comparisons", "comparison"),
        ("conclusion", "impression"),
    ):
        section = published_headings()[of][0]
        whole = sum(count for opened, count in published_headings().values() if opened == section)
        share = np.mean([f"\n {heading.upper()}:" in text for text in texts])
        assert share == pytest.approx(counts[heading] / whole, abs=0.02)
    named = np.mean(["\n FINDINGS:" in text for text in texts])
    assert named == pytest.approx(149_842 / 227_885, abs=0.04)


def test_the_same_draws_make_the_same_report():
    assert styled_report(SECTIONS, np.random.default_rng(3)) == styled_report(
        SECTIONS, np.random.default_rng(3)
    )
