from __future__ import annotations

import pytest

from cxrneighbors.reports.labeler.labels import label_report
from cxrneighbors.reports.opposites import denied, other_side


@pytest.mark.parametrize(
    ("text", "turned"),
    [
        ("Left pneumothorax.", "Right pneumothorax."),
        ("RUL collapse, left-sided PICC.", "LUL collapse, right-sided PICC."),
        ("Bilateral effusions.", "Left effusions."),
        ("The heart is large.", None),
    ],
)
def test_sides_are_exchanged(text: str, turned: str | None) -> None:
    assert other_side(text) == turned
    if turned and "Bilateral" not in text:
        assert other_side(turned) == text


STATEMENTS = {
    "There is a small pneumothorax.": "Pneumothorax",
    "No pleural effusion is seen.": "Pleural Effusion",
    "The lungs are free of consolidation.": "Consolidation",
    "Pneumothorax is again seen.": "Pneumothorax",
    "Atelectasis at the left base.": "Atelectasis",
    "Emphysema without pneumothorax.": "Pneumothorax",
    "The edema has resolved.": "Edema",
    "The patient does not have pneumonia.": "Pneumonia",
}


@pytest.mark.parametrize("text", STATEMENTS)
def test_the_labeler_reads_the_opposite(text: str) -> None:
    def status(of: str) -> str:
        return next(label.status for label in label_report(of) if label.finding == STATEMENTS[text])

    assert {status(text), status(denied(text))} == {"present", "absent"}
