from __future__ import annotations

import pytest

from cxrneighbors.reports.label_sentences import mask_label_sentences

TEXT = (
    "Frontal and lateral views. The heart is mildly enlarged. No pneumothorax. The trachea is zorbly. "
    "Discussed by telephone."
)


@pytest.mark.parametrize(
    ("findings", "left"),
    [
        ([], "Frontal and lateral views. The trachea is zorbly. Discussed by telephone."),
        (["Zorbly"], "Frontal and lateral views. Discussed by telephone."),
    ],
)
def test_whole_sentences_go_whatever_they_say(findings: list[str], left: str) -> None:
    assert mask_label_sentences(TEXT, findings) == left


def test_nothing_left_is_told() -> None:
    assert mask_label_sentences("Small effusion.", ["Effusion"]) == "___"
