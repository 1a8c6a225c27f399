"""The main job end to end: what it writes, and its overlap counted again by hand."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors import demo
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.tables import read_table
from cxrneighbors.demo import explain_one, run_demo
from cxrneighbors.encoders.encode import encode
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.index.neighbor_index import NeighborIndex


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
    assert "6/6 explanation" in capsys.readouterr().err


def test_the_last_step_explains_a_test_film_chosen_by_rule(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "TRAINING", {"epochs": 1})
    phantoms = import_dataset("phantom", tmp_path / "phantom", n_patients=40, image_size=48, seed=0)
    studies = phantoms.studies
    embeddings = encode(studies, image="pixels", report=None, out=tmp_path / "embeddings")
    index = NeighborIndex.build(embeddings, studies, backend="exact")
    monkeypatch.setattr(demo, "SEEN", 1.1)
    assert explain_one(phantoms, index, tmp_path, 32, 0) is None
    monkeypatch.setattr(demo, "SEEN", 0.0)
    panel = explain_one(phantoms, index, tmp_path, 32, 0)
    assert panel == tmp_path / "explanation" / "panel.png"
    found = Explanation.load(tmp_path / "explanation")
    row = studies.set_index("image_id").loc[found.image_id]
    assert row["split"] == "test" and row["view"] != "LATERAL" and list(row["findings"]) == [found.target]
    assert all(found.target not in findings for findings in found.neighbours["findings"])
    assert found.image.shape == (1, 32, 32) and len(found.neighbours) == 5
    yellow = np.array(Image.open(panel).convert("RGB")).astype(int) @ [1, 1, -2]
    assert (yellow > 250).sum() > 20  # the outline of the lesion
