"""The main job end to end: what it writes, and its overlap counted again by hand."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from cxrneighbors.data.tables import read_table
from cxrneighbors.demo import run_demo


def test_the_demo_scores_the_test_patients(tmp_path, capsys):
    summary = run_demo(tmp_path / "demo", patients=16, epochs=1, image_size=32)
    assert summary == json.loads((tmp_path / "demo" / "evaluation" / "overlap.json").read_text())
    assert (tmp_path / "demo" / "evaluation" / "report.html").stat().st_size > 10_000
    assert (tmp_path / "demo" / "vae" / "model.safetensors").is_file()
    studies = read_table(tmp_path / "demo" / "phantom" / "studies.parquet").set_index("image_id")
    assert studies["patient_id"].nunique() == 16
    test = studies.index[studies["split"] == "test"]
    assert summary["n_targets"] == len(test) > 0
    hits = pd.read_parquet(tmp_path / "demo" / "evaluation" / "neighbors.parquet")
    hits = hits[hits["method"] == "image"]
    assert set(hits["query_id"]) == set(test) and len(hits) == 5 * len(test)
    shared = 0
    for query, neighbor in hits[["query_id", "neighbor_id"]].to_numpy():
        assert studies["patient_id"][query] != studies["patient_id"][neighbor]
        shared += bool(set(studies["findings"][query]) & set(studies["findings"][neighbor]))
    assert summary["methods"]["image"]["mean_overlap"] == pytest.approx(shared / len(hits))
    assert "5/5 evaluation" in capsys.readouterr().err
