from __future__ import annotations

import json

import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.explain.quality.journal import Journal, read_records

RECORD = {"image_id": "i", "finding": "Mass", "method": "lime", "segmentation": "slic", "iou": 0.5}


def test_records_survive_and_nan_is_null(tmp_path):
    journal = Journal(tmp_path, {"k": 5})
    journal.append({**RECORD, "iou": float("nan"), "map": [1.0, float("inf")]})
    again = Journal(tmp_path, {"k": 5})
    assert again.records == journal.records == [{**RECORD, "iou": None, "map": [1.0, None]}]
    assert ("i", "Mass", "lime", "slic") in again and ("i", "Mass", "lime", "lungs") not in again


def test_a_line_cut_off_is_dropped_and_the_next_one_is_whole(tmp_path):
    Journal(tmp_path, {}).append(RECORD)
    path = tmp_path / "records.jsonl"
    path.write_text(path.read_text() + '{"image_id": "i", "fin')
    journal = Journal(tmp_path, {})
    assert journal.records == [RECORD]
    journal.append({**RECORD, "method": "alime"})
    assert [json.loads(line)["method"] for line in path.read_text().splitlines()] == ["lime", "alime"]


def test_other_settings_are_refused_by_name(tmp_path):
    Journal(tmp_path, {"k": 5, "masks": 100})
    with pytest.raises(UserError, match="made with masks 100, now 50"):
        Journal(tmp_path, {"k": 5, "masks": 50})


def test_other_files_are_not_written_among(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="holds other files"):
        Journal(tmp_path, {})


def test_a_finished_benchmark_is_unfinished_while_records_are_added(tmp_path):
    def complete():
        return json.loads((tmp_path / "manifest.json").read_text())["complete"]

    journal = Journal(tmp_path, {"k": 5})
    journal.append(RECORD)
    assert not complete()
    journal.finish()
    assert complete() and read_records(tmp_path) == [RECORD]
    longer = Journal(tmp_path, {"k": 5})
    assert complete()
    longer.append({**RECORD, "method": "alime"})
    assert not complete() and len(read_records(tmp_path)) == 2


def test_a_broken_line_is_named(tmp_path):
    Journal(tmp_path, {}).append(RECORD)
    path = tmp_path / "records.jsonl"
    path.write_text("no json\n" + path.read_text())
    with pytest.raises(UserError, match=r"records\.jsonl"):
        Journal(tmp_path, {})
