import zipfile

import pandas as pd
import pytest

from cxrneighbors.data.mimic.report_stream import label_archive, open_reports, stream_reports
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError
from cxrneighbors.reports.labeler.table import label_reports, write_labels

TEXTS = {
    "p10/p10000032/s50000002": "FINDINGS: Small left effusion.",
    "p10/p10000032/s50000001": "HISTORY: Cough. PORTABLE CHEST: No pneumothorax.",
    "p11/p11000032/s50000003": "RECOMMENDATION(S): Treat tuberculosis.",
    "p11/p11000033/s50000004": " ",
}


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "mimic-cxr-reports.zip"
    with zipfile.ZipFile(path, "w") as made:
        for name, text in TEXTS.items():
            made.writestr(f"files/{name}.txt", text)
    return path


def test_blocks_in_order(archive):
    blocks = list(stream_reports(open_reports(archive), block=3))
    assert [[study for study, _ in part] for part in blocks] == [
        ["50000001", "50000002", "50000003"],
        ["50000004"],
    ]
    assert blocks[0][0][1].sections["findings"] == "No pneumothorax."


@pytest.mark.parametrize("workers", [1, 2])
def test_the_table_is_that_of_label_reports(archive, tmp_path, workers, monkeypatch):
    monkeypatch.setattr("cxrneighbors.data.mimic.report_stream.BLOCK", 2)
    skipped = Skipped("label-reports")
    counts = label_archive(archive, tmp_path / "labels.parquet", skipped, workers=workers)
    rows = sorted((name[-8:], text) for name, text in TEXTS.items())
    expected = label_reports(pd.DataFrame(rows, columns=["study_id", "report"]))
    write_labels(expected, tmp_path / "expected.parquet")
    found = pd.read_parquet(tmp_path / "labels.parquet")
    pd.testing.assert_frame_equal(found, pd.read_parquet(tmp_path / "expected.parquet"))
    assert "Tuberculosis" not in set(found["finding"]) and len(found)
    assert skipped.to_frame()[["item", "reason"]].values.tolist() == [["s50000004.txt", "report is empty"]]
    assert counts["reports"] == 3 and counts["labelled"] == expected["study_id"].nunique() == 2
    assert counts["present"] == (expected["status"] == "present").sum()


def test_nothing_there_and_a_bad_rule_leave_nothing_behind(archive, tmp_path):
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    for given in (tmp_path / "nowhere.zip", tmp_path / "empty.zip"):
        with pytest.raises(UserError, match="no reports there"):
            label_archive(given, tmp_path / "labels.parquet", Skipped())
    with pytest.raises(UserError, match="rule file"):
        label_archive(archive, tmp_path / "labels.parquet", Skipped(), tmp_path / "rules")
    assert not (tmp_path / "labels.parquet").exists()
