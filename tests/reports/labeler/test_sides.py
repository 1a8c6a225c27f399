"""Sides on the sentences of `sides_and_changes.csv` (own wording)."""

import csv
from pathlib import Path

import pytest

from cxrneighbors.reports.labeler.labels import label_report
from cxrneighbors.reports.labeler.sides import Sides, merge_sides
from cxrneighbors.reports.labeler.vocabulary import SIDES

TABLE = Path(__file__).with_name("sides_and_changes.csv")
with TABLE.open(encoding="utf-8") as stream:
    ROWS = [(row["sentence"], row["finding"], row["side"] or None) for row in csv.DictReader(stream)]


def side(text, finding):
    return next(label.side for label in label_report(text) if label.finding == finding)


@pytest.mark.parametrize(("sentence", "finding", "expected"), ROWS)
def test_side_of_a_finding(sentence, finding, expected):
    assert side(sentence, finding) == expected


def test_every_side_is_in_the_table():
    assert {expected for _, _, expected in ROWS} == {None, *SIDES} and callable(Sides)


def test_a_report_that_names_both_sides_says_bilateral():
    assert side("Left effusion. Right effusion.", "Effusion") == "bilateral"
    assert side("Left effusion. No right effusion.", "Effusion") == "left"
    assert side("Right effusion. The effusion is small.", "Effusion") == "right"


def test_merged_sides():
    sides = [[], [None], ["left", None], ["left", "right"], ["bilateral"]]
    assert [merge_sides(some) for some in sides] == [None, None, "left", "bilateral", "bilateral"]
