"""Changes over time on the sentences of `sides_and_changes.csv` (own wording)."""

import csv
from pathlib import Path

import pytest

from cxrneighbors.reports.labeler.changes import Changes
from cxrneighbors.reports.labeler.labels import label_report
from cxrneighbors.reports.labeler.phrases import find_all
from cxrneighbors.reports.labeler.rules import load_rules
from cxrneighbors.reports.labeler.scope import Scopes
from cxrneighbors.reports.labeler.vocabulary import CHANGES

TABLE = Path(__file__).with_name("sides_and_changes.csv")
with TABLE.open(encoding="utf-8") as stream:
    ROWS = [(row["sentence"], row["finding"], row["change"] or None) for row in csv.DictReader(stream)]


def change(text, finding):
    return next(label.change for label in label_report(text) if label.finding == finding)


@pytest.mark.parametrize(("sentence", "finding", "expected"), ROWS)
def test_change_of_a_finding(sentence, finding, expected):
    assert change(sentence, finding) == expected


def test_every_change_is_in_the_table():
    assert {expected for _, _, expected in ROWS} == {None, *CHANGES}


def test_the_first_change_that_a_report_states_counts():
    assert change("Small effusion. The effusion is unchanged. Effusion, larger.", "Effusion") == "unchanged"
    assert change("Worsening edema. Edema has not resolved.", "Edema") == "worsened"


def test_only_what_is_absent_has_resolved():
    words = ["the", "effusion", "has", "resolved", "."]
    (mention,) = matches = find_all(load_rules().mentions, words)
    changes = Changes(Scopes(words, load_rules(), matches).clauses, load_rules())
    assert [changes.of(mention, status) for status in ("absent", "present")] == ["resolved", None]
