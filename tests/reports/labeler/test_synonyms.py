"""Two wordings of one statement are read alike: `synonyms.csv` (own wording)."""

import csv
from pathlib import Path

import pytest

from cxrneighbors.reports.labeler.labels import label_report

TABLE = Path(__file__).with_name("synonyms.csv")
with TABLE.open(encoding="utf-8", newline="") as stream:
    PAIRS = [(row["sentence"], row["same"]) for row in csv.DictReader(stream)]


def statements(text: str) -> set[tuple[str, str, str | None]]:
    return {(label.finding, label.status, label.side) for label in label_report(text)}


@pytest.mark.parametrize(("sentence", "same"), PAIRS)
def test_what_is_stated_is_the_same(sentence, same):
    one, other = statements(sentence), statements(same)
    assert one and len(one & other) >= 0.5 * len(one | other)


def test_a_broken_wire_is_a_wire_and_one_that_is_not_broken_too():
    for text, damage in (
        ("The sternal wires are broken.", "present"),
        ("No sternal wire fracture.", "absent"),
    ):
        said = {label.finding: label.status for label in label_report(text)}
        assert said["Damaged Device"] == damage and said["Sternal Wires"] == "present"
