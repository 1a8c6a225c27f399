"""The verb `train-vae`: an encoder in a folder, trained on the rows that were asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cxrneighbors.data.tables import read_table
from cxrneighbors.encoders.vae import VAE


def test_what_it_writes_loads_as_the_encoder_that_was_asked_for(work: Path) -> None:
    for name in ("model.safetensors", "config.json", "history.csv", "figure3.png", "manifest.json"):
        assert (work / "vae" / name).stat().st_size > 0, name
    vae = VAE.load(work / "vae")
    assert (vae.fitted, vae.dim, vae.image_size, vae.metric) == (True, 12, 64, "latent")


def test_options_reach_the_training_and_all_splits_all_rows(
    work: Path, monkeypatch: pytest.MonkeyPatch, call: Callable[..., int], tmp_path: Path
) -> None:
    given = []
    monkeypatch.setattr(VAE, "fit", lambda self, table, **options: given.append((self, table, options)))
    table, options = work / "studies.parquet", ("--image-size", 32, "--metric", "balanced", "--epochs", 7)
    options = (*options, "--devices", 3)
    assert call("train-vae", table, "--out", tmp_path / "vae", *options) == 0
    assert call("train-vae", table, table, "--out", tmp_path / "vae", "--all-splits") != 0  # ids come twice
    assert call("train-vae", table, "--out", tmp_path / "vae", "--all-splits", "--seed", 3) == 0
    (vae, own, first), (_, every, second) = given
    assert (vae.image_size, vae.metric, first["epochs"], second["seed"]) == (32, "balanced", 7, 3)
    assert (first["devices"], second["devices"]) == (3, 1)
    assert own["split"].tolist() == read_table(table)["split"].tolist() and set(every["split"]) == {"train"}


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--image-size", 100), "multiple of 32"),
        (("--metric", "x"), "latent"),
        (("--epochs", 0), "epochs"),
        (("--devices", 33, "--device", "cpu"), "33: share each batch, of 32 images"),
    ],
)
def test_mistakes_leave_no_folder(
    option: tuple, said: str, work: Path, tmp_path: Path, error_of: Callable[..., str]
) -> None:
    assert said in error_of("train-vae", work / "studies.parquet", "--out", tmp_path / "vae", *option)
    assert not (tmp_path / "vae").exists()


def test_trained_again_with_other_settings(work: Path, error_of: Callable[..., str]) -> None:
    before = (work / "vae" / "model.safetensors").read_bytes()
    arguments = ("--image-size", 64, "--latent-dim", 12, "--batch-size", 16, "--epochs", 1)
    assert "batch size 32, now 16" in error_of(
        "train-vae", work / "studies.parquet", "--out", work / "vae", *arguments
    )
    assert (work / "vae" / "model.safetensors").read_bytes() == before
    assert json.loads((work / "vae" / "manifest.json").read_text())["complete"]
