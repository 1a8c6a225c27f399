from __future__ import annotations

import json

import pandas as pd
import pytest
import torch

from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError
from cxrneighbors.lungs import training
from cxrneighbors.lungs.films import read_lung_films
from cxrneighbors.lungs.network import LungNetwork
from cxrneighbors.lungs.segmenter import LungSegmenter
from cxrneighbors.lungs.training import LungSettings, LungTraining, read_films, train_lungs

from .conftest import TRAINING


def test_what_a_training_leaves(trained):
    names = {"config.json", "history.csv", "manifest.json", "model.safetensors", "skipped.csv"}
    assert {path.name for path in trained.iterdir()} == names
    manifest = json.loads((trained / "manifest.json").read_text())
    history = pd.read_csv(trained / "history.csv")
    best = history.loc[history["val_loss"].idxmin()]
    assert manifest["complete"] and manifest["best_epoch"] == best["epoch"]
    assert manifest["val_dice"] == pytest.approx(best["val_dice"], abs=1e-5)
    assert history["val_dice"].iloc[-1] > 0.8 > history["val_dice"].iloc[0]


def test_a_finished_training_is_read_back_and_another_refused(trained, lung_films):
    (trained / "checkpoints").mkdir()  # of a run killed at its very end
    again = train_lungs(lung_films, trained, **TRAINING)
    assert not (trained / "checkpoints").exists()
    assert again.weights_hash() == LungSegmenter.load(trained).weights_hash()
    with pytest.raises(UserError, match="epochs 25, now 3"):
        train_lungs(lung_films, trained, **{**TRAINING, "epochs": 3})


def test_an_interrupted_training_ends_as_if_never_interrupted(lung_films, tmp_path, monkeypatch):
    settings = {**TRAINING, "epochs": 2, "image_size": 32, "width": 1}
    whole = train_lungs(lung_films, tmp_path / "whole", **settings)
    step = LungTraining.training_step

    def stop(self, batch, index):
        if self.current_epoch == 1:
            raise RuntimeError("power cut")
        return step(self, batch, index)

    monkeypatch.setattr(LungTraining, "training_step", stop)
    with pytest.raises(RuntimeError, match="power cut"):
        train_lungs(lung_films, tmp_path / "parts", **settings)
    monkeypatch.setattr(LungTraining, "training_step", step)
    assert train_lungs(lung_films, tmp_path / "parts", **settings).weights_hash() == whole.weights_hash()


def test_only_training_and_validation_films_are_read(lung_films, tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(training, "read_films", lambda films, *_: read.append(films) or pd.DataFrame())
    with pytest.raises(UserError, match="no readable film of split 'train'"):
        train_lungs(lung_films, tmp_path / "out", **TRAINING)
    assert set(read[0]["split"]) == {"train"} and not (tmp_path / "out").exists()


def test_films_and_masks_as_bytes(lung_films):
    films = read_lung_films(lung_films, Skipped()).iloc[:3]
    pixels = read_films(films, 32, Skipped())
    assert pixels.shape == (3, 3, 32, 32) and pixels[:, 1:].max() == 255
    assert (pixels[:, 1].sum() > 0) and ((pixels[:, 1] > 0) & (pixels[:, 1] < 255)).any()  # soft edges
    skipped = Skipped()
    bad = films.assign(mask_path=[str(lung_films / "labels.csv"), *films["mask_path"].iloc[1:]])
    assert len(read_films(bad, 32, skipped)) == 2 and "labels.csv" in skipped.to_frame()["reason"].iloc[0]


def test_the_loss_is_least_for_the_right_answer():
    module = LungTraining(LungNetwork(1), LungSettings(epochs=1, batch_size=1, learning_rate=1e-3))
    lungs = torch.zeros(1, 2, 8, 8)
    lungs[0, 0, 2:6, :3], lungs[0, 1, 2:6, 5:] = 1, 1
    right = module.loss(20 * (2 * lungs - 1), lungs)
    assert (
        right < 1e-3 < module.loss(torch.zeros_like(lungs), lungs) < module.loss(20 * (1 - 2 * lungs), lungs)
    )
