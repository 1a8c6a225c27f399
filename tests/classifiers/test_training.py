from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from cxrneighbors.artifact import newest_checkpoint
from cxrneighbors.classifiers.registry import build, load_classifier
from cxrneighbors.classifiers.starting import starting_model
from cxrneighbors.classifiers.training import TRAINING, describe, train_classifier
from cxrneighbors.classifiers.training_module import ClassifierTraining
from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.data.tables import write_table
from cxrneighbors.errors import UserError
from cxrneighbors.models import hash_tensors

LABELS = ["left", "right"]


@pytest.fixture(scope="module")
def squares(tmp_path_factory) -> pd.DataFrame:
    """Noise with a bright square on the left, on the right, on both sides or on none."""
    folder = tmp_path_factory.mktemp("squares")
    rng = np.random.default_rng(0)
    rows = []
    for number in range(240):
        pixels = rng.normal(90, 25, (32, 32))
        sides = [side for side in LABELS if rng.random() < 0.4]
        for side in sides:
            x, y = rng.integers(1, 8) + 16 * (side == "right"), rng.integers(1, 22)
            pixels[y : y + 8, x : x + 8] += 70
        path = folder / f"{number}.png"
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
        split = ("train", "train", "train", "val", "test")[number % 5]
        rows.append((f"i{number}", str(path), f"p{number}", sides or ["No Finding"], split))
    return validate_studies(
        pd.DataFrame(rows, columns=["image_id", "path", "patient_id", "findings", "split"])
    )


def tiny(**options):
    return build("small-cnn", labels=LABELS, image_size=32, width=8, **options)


def short(model, studies, out, **options):
    given = {"epochs": 2, "batch_size": 32, "lr": 3e-3, "device": "cpu", **options}
    return train_classifier(model, studies, out, **given)


def test_it_learns_left_from_right_and_saves_what_it_measured(squares, tmp_path) -> None:
    torch.set_num_threads(1)
    metrics = short(tiny(), squares, tmp_path / "m", epochs=12, patience=0)
    assert min(metrics["test"]["auroc"].values()) > 0.9
    assert metrics == json.loads((tmp_path / "m" / "metrics.json").read_text())
    test = squares[squares["split"] == "test"]
    has = np.array([[label in row for label in LABELS] for row in test["findings"]])
    assert metrics["test"]["positives"] == dict(zip(LABELS, has.sum(0).tolist(), strict=True))
    assert metrics["train"]["n"] == metrics["train"]["patients"] == 144
    # The saved classifier gives the reported figure, computed by counting pairs.
    images, _ = load_images(test["path"].tolist(), 32)
    scores = load_classifier(tmp_path / "m", device="cpu").predict(images, device="cpu")
    for column, label in enumerate(LABELS):
        wins = scores[has[:, column], column][:, None] > scores[~has[:, column], column][None]
        assert metrics["test"]["auroc"][label] == pytest.approx(wins.mean(), abs=1e-6)
    history = pd.read_csv(tmp_path / "m" / "history.csv")
    assert history["epoch"].tolist() == list(range(1, 13))
    assert metrics["best_epoch"] == history["val_loss"].argmin() + 1
    assert "right" in describe(metrics) and "test: mean AUROC" in describe(metrics)


def test_single_label_learns_too(squares, tmp_path) -> None:
    model = build("small-cnn", labels=LABELS, image_size=32, width=8, multi_label=False)
    options = {"epochs": 15, "patience": 0, "optimiser": "adamw", "class_weights": "balanced"}
    metrics = short(model, squares, tmp_path / "m", **options)
    one_side = squares["findings"].map(lambda row: len(set(row) & set(LABELS)) == 1)
    assert sum(metrics[split]["n"] for split in ("train", "val", "test")) == one_side.sum()
    assert metrics["test"]["accuracy"] > 0.85


def test_same_arguments_same_weights(squares, tmp_path) -> None:
    state = torch.get_rng_state()
    first, second, third = tiny(), tiny(), tiny()
    one = short(first, squares, tmp_path / "a")
    two = short(second, squares, tmp_path / "b")
    assert first.weights_hash() == second.weights_hash()
    assert one["test"] == two["test"]
    short(third, squares, tmp_path / "c", seed=1)
    assert third.weights_hash() != first.weights_hash()
    assert torch.equal(torch.get_rng_state(), state)


def test_a_resumed_training_ends_as_an_uninterrupted_one(squares, tmp_path) -> None:
    straight, resumed = tiny(), tiny()
    metrics = short(straight, squares, tmp_path / "a", epochs=4)
    short(tiny(), squares, tmp_path / "b", epochs=2)
    metrics = short(resumed, squares, tmp_path / "b", epochs=4)
    assert metrics["epochs_run"] == 4
    assert resumed.weights_hash() == straight.weights_hash()
    assert last_state(tmp_path / "b") == last_state(tmp_path / "a")
    a, b = (pd.read_csv(tmp_path / name / "history.csv") for name in "ab")
    pd.testing.assert_frame_equal(a.drop(columns="seconds"), b.drop(columns="seconds"))


@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_a_resumed_schedule_goes_on_where_it_was(schedule, squares, tmp_path, monkeypatch) -> None:
    """Each rate must be in the checkpoint of its epoch: the plateau's ends in the very epoch of the stop."""
    options = {"schedule": schedule, "epochs": 7, "lr": 0.02, "patience": 0}
    short(tiny(), squares, tmp_path / "a", **options)
    step = ClassifierTraining.training_step
    for epoch in range(1, 7):

        def interrupted(self, batch, index, epoch=epoch):
            if self.current_epoch == epoch:
                raise KeyboardInterrupt
            return step(self, batch, index)

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(ClassifierTraining, "training_step", interrupted)
            short(tiny(), squares, tmp_path / "b", **options)
    short(tiny(), squares, tmp_path / "b", **options)
    assert last_state(tmp_path / "b") == last_state(tmp_path / "a")


def test_a_finished_training_is_read_back_or_goes_on(squares, tmp_path, monkeypatch) -> None:
    model, again = tiny(), tiny()
    metrics = short(model, squares, tmp_path / "m")
    assert "model.safetensors" in TRAINING.read(tmp_path / "m")["files"]
    with monkeypatch.context() as patch:
        patch.setattr("cxrneighbors.classifiers.training.prepare", lambda *a: pytest.fail("read again"))
        assert short(again, squares, tmp_path / "m") == metrics
    assert again.weights_hash() == model.weights_hash() and not again.training
    with pytest.raises(UserError, match="holds a training of 2 epochs, now 1"):
        short(tiny(), squares, tmp_path / "m", epochs=1)
    assert short(tiny(), squares, tmp_path / "m", epochs=3)["epochs_run"] == 3


def test_a_saved_classifier_trains_like_a_fresh_one_of_the_same_weights(squares, tmp_path) -> None:
    fresh = tiny(seed=4)
    fresh.save(tmp_path / "saved")
    loaded = starting_model("small-cnn", squares, None, tmp_path / "saved")
    for model, name in ((fresh, "a"), (loaded, "b")):
        short(model, squares, tmp_path / name, epochs=1)
    assert loaded.weights_hash() == fresh.weights_hash()


def test_a_table_that_cannot_be_trained_on_leaves_no_folder(squares, tmp_path) -> None:
    with pytest.raises(UserError, match="no training image"):
        short(tiny(), squares.assign(split="val"), tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_ctrl_c_keeps_the_last_whole_epoch(squares, tmp_path, monkeypatch) -> None:
    straight, resumed = tiny(), tiny()
    short(straight, squares, tmp_path / "a", epochs=3)
    step = ClassifierTraining.training_step

    def interrupted(self, batch, index):
        if self.current_epoch == 2 and index == 1:
            raise KeyboardInterrupt
        return step(self, batch, index)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ClassifierTraining, "training_step", interrupted)
        short(tiny(), squares, tmp_path / "b", epochs=3)
    assert not (tmp_path / "b" / "metrics.json").exists()
    short(resumed, squares, tmp_path / "b", epochs=3)
    assert last_state(tmp_path / "b") == last_state(tmp_path / "a")


def last_state(folder) -> str:
    """Hash of the weights after the last epoch, the best or not."""
    checkpoint = torch.load(newest_checkpoint(folder / "checkpoints"), weights_only=True)
    return hash_tensors({name: value.numpy() for name, value in checkpoint["state_dict"].items()})


def test_other_arguments_do_not_go_on_with_an_old_training(squares, tmp_path) -> None:
    short(tiny(), squares, tmp_path / "m", epochs=1)
    with pytest.raises(
        UserError, match=r"classifier training made with settings lr 0\.003, now 0\.1; give another folder"
    ):
        short(tiny(), squares, tmp_path / "m", epochs=1, lr=0.1)
    with pytest.raises(UserError, match="made with studies"):
        short(tiny(), squares.iloc[:-1], tmp_path / "m", epochs=1)
    with pytest.raises(UserError, match="made with initial weights"):
        short(tiny(seed=9), squares, tmp_path / "m", epochs=1)
    metrics = short(tiny(), squares, tmp_path / "m", epochs=1, lr=0.1, resume=False)
    assert metrics["settings"]["lr"] == 0.1 and metrics["epochs_run"] == 1


def test_patience_stops_and_the_best_epoch_is_kept(squares, tmp_path) -> None:
    model = tiny()
    metrics = short(model, squares, tmp_path / "m", epochs=30, lr=0.05, patience=2)
    history = pd.read_csv(tmp_path / "m" / "history.csv")
    best = history["val_loss"].argmin() + 1
    assert metrics["best_epoch"] == best
    assert metrics["epochs_run"] == best + 2 < 30
    assert metrics["val"]["loss"] == pytest.approx(history["val_loss"].min(), abs=1e-5)


@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_schedules_and_sgd_run(schedule, squares, tmp_path) -> None:
    metrics = short(tiny(), squares, tmp_path / "m", schedule=schedule, optimiser="sgd", augment=False)
    assert metrics["epochs_run"] == 2


def test_without_validation_images_the_last_weights_are_kept(squares, tmp_path, monkeypatch) -> None:
    from cxrneighbors.classifiers import training_data

    monkeypatch.setattr(training_data, "split_by_patient", lambda rows, seed: rows["split"].to_numpy())
    alone = squares.assign(split="train")
    metrics = short(tiny(), alone, tmp_path / "m")
    assert (metrics["best_by"], metrics["best_epoch"]) == ("last epoch", 2)
    assert metrics["val"]["n"] == metrics["test"]["n"] == 0
    with pytest.raises(UserError, match="there are none"):
        short(tiny(), alone, tmp_path / "n", schedule="plateau")


def test_no_epochs_score_the_weights_as_they_are(squares, tmp_path) -> None:
    model = tiny(seed=3)
    before = model.weights_hash()
    metrics = short(model, squares, tmp_path / "m", epochs=0)
    assert model.weights_hash() == before and metrics["best_by"] == "starting weights"
    assert 0 <= metrics["test"]["mean_auroc"] <= 1


def test_bad_images_are_skipped_and_counted(squares, tmp_path) -> None:
    broken = squares.copy()
    broken.loc[0, "path"] = str(tmp_path / "gone.png")
    metrics = short(tiny(), broken, tmp_path / "m", epochs=1)
    assert metrics["skipped"] == 1 and metrics["train"]["n"] == 143
    assert "i0" in (tmp_path / "m" / "skipped.csv").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"optimiser": "lion"}, "unknown optimiser 'lion'"),
        ({"schedule": "step"}, "unknown schedule 'step'"),
        ({"class_weights": "yes"}, "unknown class weights 'yes'"),
        ({"lr": 1e30, "augment": False}, "training diverged"),
    ],
)
def test_setting_errors(options, said, squares, tmp_path) -> None:
    with pytest.raises(UserError, match=said):
        short(tiny(), squares, tmp_path / "m", **options)
    assert not (tmp_path / "m" / "model.safetensors").exists()


def test_starting_model(squares, tmp_path) -> None:
    fresh = starting_model("small-cnn", squares, image_size=32, width=8, seed=2)
    assert fresh.labels == ("left", "right")
    assert fresh.weights_hash() == tiny(seed=2).weights_hash()
    tiny(seed=5).save(tmp_path / "m")
    assert (
        starting_model("small-cnn", squares, None, tmp_path / "m").weights_hash()
        == tiny(seed=5).weights_hash()
    )
    for arguments, said in [
        (("chexnet", squares, None, tmp_path / "m"), "holds model small-cnn, not chexnet"),
        (("small-cnn", squares, ["left"], tmp_path / "m"), "was trained for left, right"),
        (("small-cnn", squares, None, tmp_path / "m.pth"), "starts from a folder"),
    ]:
        with pytest.raises(UserError, match=said):
            starting_model(*arguments)
    with pytest.raises(UserError, match="was saved with image_size 32"):
        starting_model("small-cnn", squares, None, tmp_path / "m", image_size=64)


def test_command_line(squares, tmp_path) -> None:
    import typer

    from cxrneighbors.cli import train_classifier as verb

    app = typer.Typer()
    app.command()(verb.command)
    write_table(squares, tmp_path / "studies.parquet")
    arguments = [str(tmp_path / "studies.parquet"), "--model", "small-cnn", "--out", str(tmp_path / "m")]
    options = ["--labels", "right, left", "--epochs", "1", "--image-size", "32", "--device", "cpu", "--flip"]
    result = CliRunner().invoke(app, [*arguments, *options], catch_exceptions=False)
    assert result.exit_code == 0
    assert "test: mean AUROC" in result.stdout
    assert load_classifier(tmp_path / "m", device="cpu").labels == ("right", "left")
