"""The table of ambiguous sentences (own wording): every row must be right."""

import csv
from pathlib import Path

import pytest

from cxrneighbors.reports.labeler.queries import finding_status

TABLE = Path(__file__).with_name("sentences.csv")
with TABLE.open(encoding="utf-8") as stream:
    ROWS = [(row["sentence"], row["finding"], row["status"] or None) for row in csv.DictReader(stream)]


def test_the_table_is_large_and_has_every_status():
    assert len({sentence for sentence, _, _ in ROWS}) >= 120
    assert {status for _, _, status in ROWS} == {"present", "absent", "uncertain", None}


@pytest.mark.parametrize(("sentence", "finding", "status"), ROWS)
def test_sentence(sentence, finding, status):
    assert finding_status(sentence, finding) == status
