from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
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


def training(studies: pd.DataFrame, folder: Path, epochs: int = 1) -> tuple[Any, dict[str, Any]]:
    start = build("small-cnn", labels=["Effusion", "Nodule"], image_size=32, seed=0)
    return trained_classifier(start, studies, folder, "cpu", epochs=epochs, seed=0)


def test_a_finished_training_is_read_back_and_other_settings_replace_it(archive, tmp_path, monkeypatch):
    studies = import_dataset("folder", archive).studies
    first, metrics = training(studies, tmp_path)
    assert metrics["epochs_run"] == 1 and not (tmp_path / "checkpoints").exists()
    with monkeypatch.context() as patch:
        patch.setattr("common.kept.train_classifier", lambda *_, **__: pytest.fail("trained again"))
        again, read = training(studies, tmp_path)
    assert read == metrics and again.weights_hash() == first.weights_hash()
    other, metrics = training(studies, tmp_path, epochs=2)
    assert metrics["epochs_run"] == 2 and other.weights_hash() != first.weights_hash()
    assert training(studies.assign(split="train"), tmp_path, epochs=2)[1]["val"] != metrics["val"]


def test_a_training_stopped_while_it_replaces_another_is_not_taken_for_the_other(
    archive, tmp_path, monkeypatch
):
    studies = import_dataset("folder", archive).studies
    training(studies, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("common.kept.train_classifier", lambda *_, **__: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            training(studies, tmp_path, epochs=2)
    assert not (tmp_path / "kept.json").exists()
    assert training(studies, tmp_path, epochs=2)[1]["epochs_run"] == 2
