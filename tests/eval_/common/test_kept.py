from __future__ import annotations

from typing import Any

import pytest

from common.kept import kept, trained_classifier
from cxrneighbors.classifiers.registry import build
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.errors import UserError


def test_what_was_made_is_read_back_until_something_else_is_asked(tmp_path):
    made = []

    def make() -> dict[str, Any]:
        made.append(1)
        return {"n": len(made), "lift": float("nan")}

    path = tmp_path / "kept.json"
    assert kept(path, {"seed": 0}, make) == {"n": 1, "lift": None}
    assert kept(path, {"seed": 0}, make) == {"n": 1, "lift": None}
    assert kept(path, {"seed": 1}, make)["n"] == 2
    assert len(made) == 2


def test_a_failure_leaves_nothing_behind_and_damage_is_a_mistake_in_one_line(tmp_path):
    path = tmp_path / "kept.json"
    with pytest.raises(ZeroDivisionError):
        kept(path, {}, lambda: 1 // 0)
    assert not path.exists()
    path.write_text("{")
    with pytest.raises(UserError, match=r"kept\.json.*delete"):
        kept(path, {}, lambda: 1)


def test_a_finished_training_is_read_back_and_other_settings_are_refused(archive, tmp_path, monkeypatch):
    studies = import_dataset("folder", archive).studies

    def training(batch_size: int) -> tuple[str, dict[str, Any]]:
        model = build("small-cnn", labels=["Effusion", "Nodule"], image_size=32, seed=0)
        settings = {"epochs": 1, "seed": 0, "batch_size": batch_size}
        metrics = trained_classifier(model, studies, tmp_path, "cpu", **settings)
        return model.weights_hash(), metrics

    first = training(8)
    assert first[1]["epochs_run"] == 1 and not (tmp_path / "checkpoints").exists()
    with monkeypatch.context() as patch:
        patch.setattr("cxrneighbors.classifiers.training.fit", lambda *_, **__: pytest.fail("trained again"))
        assert training(8) == first
    with pytest.raises(UserError, match="batch size 8, now 4; give another folder"):
        training(4)
