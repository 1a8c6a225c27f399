import time

import pandas as pd
import pyarrow.parquet as pq
import pytest

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.errors import UserError
from cxrneighbors.reports.labeler import table
from cxrneighbors.reports.labeler.labels import label_report
from cxrneighbors.reports.labeler.table import LABEL_COLUMNS, label_reports, write_labels


def studies(**reports):
    return pd.DataFrame(
        {"study_id": list(reports), "report": pd.Series(list(reports.values()), dtype=object)}
    )


def rows_of(labels):
    """Rows with None where nothing is said."""
    return labels.astype(object).where(labels.notna(), None).values.tolist()


def test_one_row_per_study_and_finding_with_its_evidence():
    labels = label_reports(studies(s1="No edema.", s2=None, s3="New left effusion.", s4=float("nan")))
    assert list(labels.columns) == list(LABEL_COLUMNS)
    assert rows_of(labels) == [
        ["s1", "No Finding", "present", "", 0, 0, None, None],
        ["s1", "Edema", "absent", "No edema.", 0, 9, None, None],
        ["s3", "No Finding", "absent", "New left effusion.", 0, 18, None, None],
        ["s3", "Pleural Effusion", "present", "New left effusion.", 0, 18, "left", "new"],
        ["s3", "Effusion", "present", "New left effusion.", 0, 18, "left", "new"],
    ]


def test_images_of_a_study_share_the_first_report_that_is_there():
    rows = pd.DataFrame({"study_id": ["s", "s", "s"], "report": [None, "No mass.", "Large mass."]})
    assert set(label_reports(rows)["status"]) == {"absent", "present"}
    assert label_reports(rows).query("finding == 'Mass'")["status"].tolist() == ["absent"]


def test_no_reports_give_an_empty_table():
    labels = label_reports(studies(s1=None))
    assert len(labels) == 0 and list(labels.columns) == list(LABEL_COLUMNS)
    assert labels["start"].dtype == "int64"


def test_processes_give_the_same_table(monkeypatch):
    monkeypatch.setattr(table, "_CHUNK", 3)
    many = studies(**{f"s{i}": f"Nodule of {i} mm. No edema." for i in range(10)})
    pd.testing.assert_frame_equal(label_reports(many), label_reports(many, workers=2))


def test_a_missing_column_and_a_bad_number_of_workers_are_named():
    with pytest.raises(UserError, match="'report' is missing"):
        label_reports(pd.DataFrame({"study_id": ["a"]}))
    with pytest.raises(UserError, match="workers 0"):
        label_reports(studies(a="Clear."), workers=0)


def test_written_table_reads_back(tmp_path):
    labels = label_reports(studies(s1="No edema. Mild cardiomegaly. Right effusion."))
    write_labels(labels, tmp_path / "labels.parquet")
    stored = pq.read_table(tmp_path / "labels.parquet").to_pylist()
    assert [list(row.values()) for row in stored] == rows_of(labels)
    assert {row["side"] for row in stored} == {None, "right"}


def test_open_i_labels_agree_with_the_hand_assigned_codes_and_are_fast(shared_data):
    reports = import_dataset("openi", shared_data / "openi").studies
    started = time.process_time()
    labels = label_reports(reports)
    assert len(reports) / (time.process_time() - started) > 1000
    texts = reports.set_index("study_id")["report"]
    assert all(texts[row.study_id][row.start : row.end] == row.evidence for row in labels.itertuples())
    coded = {
        (row.study_id, name)
        for row in reports.itertuples()
        for name in {"Cardiomegaly", "Effusion", "Pneumothorax", "Consolidation"} & set(row.findings)
    }
    stated = labels[labels["status"] == "present"]
    said = {
        (row.study_id, row.finding)
        for row in stated.itertuples()
        if row.finding in {name for _, name in coded}
    }
    assert 2 * len(coded & said) / (len(coded) + len(said)) > 0.85
    assert label_report(texts.iloc[0])
