from __future__ import annotations

import inspect
import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from cxrneighbors.artifact import newest_checkpoint
from cxrneighbors.classifiers.overlap_loss import overlap_loss
from cxrneighbors.classifiers.registry import MODELS, build, load_classifier, model_class
from cxrneighbors.classifiers.starting import starting_model
from cxrneighbors.classifiers.training import TRAINING, describe, start_at_log_odds, train_classifier
from cxrneighbors.classifiers.training_module import ClassifierSettings, ClassifierTraining, mixed
from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.data.tables import write_table
from cxrneighbors.errors import UserError
from cxrneighbors.models import hash_tensors, save_model

LABELS = ["left", "right"]
RECIPE = {"schedule": "one-cycle", "optimiser": "adamw", "weight_decay": 0.05, "clip": 1.0, "average": 0.9,
          "augment": "strong", "flip": False}  # fmt: skip


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
    assert (history["images_per_second"] * history["seconds"] > 144).all(), "validation takes time too"
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
    pd.testing.assert_frame_equal(
        a.drop(columns=["seconds", "images_per_second"]), b.drop(columns=["seconds", "images_per_second"])
    )


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


def test_a_recipe_with_all_parts_learns_and_resumes_to_the_same_weights(
    squares, tmp_path, monkeypatch
) -> None:
    straight, resumed = tiny(), tiny()
    options = {"epochs": 8, "lr": 0.01, "patience": 0, "batch_size": 16, **RECIPE}
    metrics = short(straight, squares, tmp_path / "a", **options)
    assert metrics["test"]["mean_auroc"] > 0.8
    step = ClassifierTraining.training_step

    def interrupted(self, batch, index):
        if (self.current_epoch, index) == (4, 2):
            raise KeyboardInterrupt
        return step(self, batch, index)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ClassifierTraining, "training_step", interrupted)
        short(tiny(), squares, tmp_path / "b", **options)
    short(resumed, squares, tmp_path / "b", **options)
    assert resumed.weights_hash() == straight.weights_hash()
    assert last_state(tmp_path / "b") == last_state(tmp_path / "a")
    checkpoint = torch.load(newest_checkpoint(tmp_path / "a" / "checkpoints"), weights_only=True)
    names = {name.split(".")[0] for name in checkpoint["state_dict"]}
    assert names == {"network", "averaged"}
    with pytest.raises(UserError, match="made with settings epochs 8, now 9"):
        short(tiny(), squares, tmp_path / "a", **{**options, "epochs": 9})


def test_with_the_overlap_loss_films_of_one_finding_lie_closer_and_a_resumed_training_ends_alike(
    squares, tmp_path, monkeypatch
) -> None:
    options = {"epochs": 4, "batch_size": 8}

    def loss(overlap: float, out: str) -> float:
        model = tiny()
        short(model, squares, tmp_path / out, overlap=overlap, **options)
        rows = squares[squares["split"] == "test"]
        images, _ = load_images(rows["path"].tolist(), 32)
        labels = torch.tensor([[label in findings for label in LABELS] for findings in rows["findings"]])
        with torch.inference_mode():
            features = model.features(torch.from_numpy(images))
            return float(overlap_loss(features, labels, features[:0], labels[:0]))

    assert loss(0.5, "with") < loss(0.0, "plain") - 0.05
    resumed, real = tiny(), ClassifierTraining.training_step

    def interrupted(self, batch, index):
        if self.current_epoch == 2:
            raise KeyboardInterrupt
        return real(self, batch, index)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ClassifierTraining, "training_step", interrupted)
        short(tiny(), squares, tmp_path / "resumed", overlap=0.5, **options)
    short(resumed, squares, tmp_path / "resumed", overlap=0.5, **options)
    assert resumed.weights_hash() == load_classifier(tmp_path / "with").weights_hash()


def test_one_cycle_is_torchs_and_ends_at_zero(squares, tmp_path, monkeypatch) -> None:
    rates: list[float] = []
    step = ClassifierTraining.training_step

    def watched(self, batch, index):
        rates.append(self.optimizers().param_groups[0]["lr"])
        return step(self, batch, index)

    monkeypatch.setattr(ClassifierTraining, "training_step", watched)
    options = {"epochs": 4, "batch_size": 16, "schedule": "one-cycle", "lr": 0.02}
    short(tiny(), squares, tmp_path / "m", **options)
    steps = 4 * 9
    optimiser = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=0.02)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.02, total_steps=steps, pct_start=0.15)
    expected = []
    for _ in range(steps):
        expected.append(cycle.get_last_lr()[0])
        optimiser.step()
        cycle.step() if len(expected) < steps else None
    assert rates == pytest.approx(expected)
    # By hand: the top is at 0.15 x 36 - 1 = 4.4 steps, a cosine leads down from there to the last one.
    assert rates[20] == pytest.approx(0.01 * (1 + np.cos(np.pi * (20 - 4.4) / (35 - 4.4))), rel=1e-3)
    assert rates.index(max(rates)) in (4, 5) and rates[-1] < 1e-5 * max(rates)


def test_no_epochs_of_one_cycle_score_the_weights(squares, tmp_path) -> None:
    model = tiny()
    before = model.weights_hash()
    assert short(model, squares, tmp_path / "m", epochs=0, **RECIPE)["epochs_run"] == 0
    assert model.weights_hash() == before


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_weight_decay_shrinks_matrices_alone(optimiser) -> None:
    settings = ClassifierSettings(optimiser=optimiser, lr=0.1, weight_decay=0.5)
    model = tiny()
    for value in model.parameters():
        value.data.fill_(1.0)
        value.grad = torch.zeros_like(value)
    ClassifierTraining(model, settings).configure_optimizers().step()
    for name, value in model.named_parameters():
        assert (value == (0.95 if value.ndim > 1 else 1.0)).all(), name


def test_gradients_are_clipped(squares, tmp_path) -> None:
    """One plain step of rate 1 a batch: no step is longer than the greatest norm."""
    options = {"epochs": 1, "lr": 1.0, "optimiser": "sgd", "batch_size": 144, "augment": "none"}
    moved = []
    for clip in (0.0, 1e-3):
        model = tiny()
        before = torch.cat([value.detach().flatten().clone() for value in model.parameters()])
        short(model, squares, tmp_path / str(clip), clip=clip, **options)
        after = torch.cat([value.detach().flatten() for value in model.parameters()])
        moved.append(float((after - before).norm()))
    assert moved[0] > 0.01 and moved[1] == pytest.approx(1e-3, rel=0.01)


@pytest.mark.parametrize("multi_label", [True, False])
def test_an_untaught_last_layer_starts_at_the_labels_shares(multi_label: bool) -> None:
    shares = np.array([0.25, 0.75, 0.0]) if not multi_label else np.array([0.5, 0.02, 0.0])
    model = build("efficientnet-lite0", 3, image_size=32, multi_label=multi_label).eval()
    start_at_log_odds(model, shares)
    with torch.no_grad():
        scores = model.scores(torch.rand(4, 1, 32, 32))
    torch.testing.assert_close(scores, torch.tensor(np.tile(shares, (4, 1))).float(), atol=1.1e-3, rtol=0)
    before = model.head.bias.detach().clone()
    model.head.weight.data[0, 0] = 1.0
    start_at_log_odds(model, 1 - shares)
    assert torch.equal(model.head.bias, before), "a layer that has learned something stays"


def test_images_beyond_memory_train_alike(squares, tmp_path, monkeypatch) -> None:
    from cxrneighbors.classifiers import training, training_data

    broken = squares.copy()
    broken.loc[0, "path"] = str(tmp_path / "gone.png")
    held = short(tiny(), broken, tmp_path / "a", epochs=1)
    monkeypatch.setattr(training, "prepare", lambda *given: training_data.prepare(*given, memory_limit=1))
    read = short(tiny(), broken, tmp_path / "b", epochs=1)
    assert read["skipped"] == held["skipped"] == 1 and read["train"] == held["train"]
    assert read["val"]["loss"] == pytest.approx(held["val"]["loss"], rel=1e-3)
    assert (tmp_path / "b" / "skipped.csv").read_text() == (tmp_path / "a" / "skipped.csv").read_text()


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


def test_a_cut_newest_checkpoint_does_not_block_a_resumed_training(squares, tmp_path, monkeypatch) -> None:
    short(tiny(), squares, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):  # killed before it was done
        patch.setattr(type(tiny()), "save", lambda self, folder: 1 / 0)
        short(tiny(), squares, tmp_path / "cut")
    newest = sorted((tmp_path / "cut" / "checkpoints").iterdir())[-1]
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
    short(tiny(), squares, tmp_path / "cut")
    assert last_state(tmp_path / "cut") == last_state(tmp_path / "whole")


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


def test_mixup_blends_films_and_labels_alike() -> None:
    images, targets = torch.rand(6, 1, 4, 4), torch.eye(6)[:, :3]
    blended, labels = mixed(images, targets, np.random.default_rng(3), 0.4)
    rng = np.random.default_rng(3)
    share, order = rng.beta(0.4, 0.4), rng.permutation(6)
    share = max(share, 1 - share)
    assert 0.5 <= share < 1 and (order != np.arange(6)).any()
    for i, j in enumerate(order):
        torch.testing.assert_close(blended[i], (share * images[i] + (1 - share) * images[j]).float())
        torch.testing.assert_close(labels[i], (share * targets[i] + (1 - share) * targets[j]).float())


@pytest.mark.parametrize("multi_label", [True, False])
def test_mixup_trains_both_kinds_of_classifier(multi_label, squares, tmp_path) -> None:
    studies = squares if multi_label else squares[squares["findings"].map(len) == 1]
    model = (
        tiny()
        if multi_label
        else build("small-cnn", labels=LABELS, image_size=32, width=8, multi_label=False)
    )
    metrics = short(model, studies, tmp_path / "m", epochs=6, mixup=0.4)
    assert metrics["test"]["mean_auroc"] > 0.8


def test_bfloat16_trains_as_well_and_is_a_training_of_its_own(squares, tmp_path) -> None:
    metrics = short(tiny(), squares, tmp_path / "m", epochs=6, precision="bfloat16")
    whole = short(tiny(), squares, tmp_path / "w", epochs=6)
    assert metrics["val"]["loss"] != whole["val"]["loss"]
    assert metrics["test"]["mean_auroc"] == pytest.approx(whole["test"]["mean_auroc"], abs=0.05)
    with pytest.raises(UserError, match="other"):
        short(tiny(), squares, tmp_path / "w", epochs=6, precision="bfloat16")
    with pytest.raises(UserError, match="bfloat16"):
        short(tiny(), squares, tmp_path / "x", precision="int8")


def test_the_last_weights_can_be_kept_whatever_the_validation_says(squares, tmp_path) -> None:
    metrics = short(tiny(), squares, tmp_path / "m", epochs=3, lr=0.05, patience=0, keep="last")
    history = pd.read_csv(tmp_path / "m" / "history.csv")
    assert history["val_loss"].argmin() + 1 < 3  # else this shows nothing
    assert (metrics["best_by"], metrics["best_epoch"]) == ("last epoch", 3)
    assert metrics["val"]["loss"] == pytest.approx(history["val_loss"].iloc[-1], abs=1e-5)


@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_schedules_and_sgd_run(schedule, squares, tmp_path) -> None:
    metrics = short(tiny(), squares, tmp_path / "m", schedule=schedule, optimiser="sgd", augment="none")
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
        ({"augment": True}, "unknown augmentation True; choose one of: none, light, strong"),
        ({"average": 1.0}, "average 1.0: must be below 1"),
        ({"clip": -1.0}, "clip -1.0: must be at least 0"),
        ({"lr": 1e30, "augment": "none"}, "training diverged"),
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


def test_no_finding_can_be_a_label_of_any_model(squares) -> None:
    options = {"image_size": 32, "no_finding": True}
    assert starting_model("small-cnn", squares, **options).labels == ("left", "right", "No Finding")
    given = starting_model("small-cnn", squares, ["No Finding", "left"], **options)
    assert given.labels == ("No Finding", "left")
    assert starting_model("chexnet", squares, image_size=64, no_finding=True).labels[-2:] == (
        "Hernia", "No Finding"
    )  # fmt: skip
    exclusive = starting_model("small-cnn", squares, multi_label=False, **options)
    assert exclusive.labels == ("No Finding", "left", "right")


def test_a_training_starts_with_the_models_own_options(squares) -> None:
    model = starting_model("efficientnet-lite0", squares, image_size=32, jitter=0.1)
    assert (model.standardise, model.central, model.jitter, model.dropout) == (True, 0.9, 0.1, 0.3)
    assert not build("efficientnet-lite0", 2, image_size=32).standardise


def test_a_training_starts_from_the_backbone_of_an_encoder(squares, tmp_path) -> None:
    source = build("small-cnn", labels=["a"], image_size=32, width=8, seed=6)
    backbone = {f"backbone.{name}": value for name, value in source.tensors().items() if "head." not in name}
    config = {"backbone": "small-cnn"}
    tensors = {**backbone, "components": np.ones((3, 2), np.float32)}
    save_model(tmp_path / "e", "encoder", "contrastive", config, tensors)
    options = {"image_size": 32, "width": 8, "seed": 2}
    model = starting_model("small-cnn", squares, None, tmp_path / "e", no_finding=True, **options)
    assert model.labels == ("left", "right", "No Finding")
    images = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(model.eval().features(images), source.eval().features(images))
    fresh = build("small-cnn", labels=model.labels, **options)
    assert torch.equal(model.head.weight, fresh.head.weight)
    with pytest.raises(UserError, match=r"of another shape: .*; give an encoder trained on small-cnn"):
        starting_model("small-cnn", squares, None, tmp_path / "e", image_size=32, width=4)
    save_model(tmp_path / "f", "encoder", "pca", {}, {"components": np.ones((3, 2), np.float32)})
    with pytest.raises(UserError, match="holds an encoder without a backbone"):
        starting_model("small-cnn", squares, None, tmp_path / "f", **options)


@pytest.mark.parametrize("name", MODELS)
def test_every_models_defaults_are_settings_and_options_of_it(name: str) -> None:
    cls = model_class(name)
    ClassifierSettings(**cls.training_defaults)
    assert set(cls.starting_options) < set(inspect.signature(cls).parameters)


def test_command_line_takes_the_recipe_of_the_model(squares, tmp_path) -> None:
    import typer

    from cxrneighbors.cli import train_classifier as verb

    app = typer.Typer()
    app.command()(verb.command)
    write_table(squares[squares.index % 3 == 0], tmp_path / "studies.parquet")
    arguments = [str(tmp_path / "studies.parquet"), "--model", "efficientnet-lite0", "--no-finding"]
    options = ["--out", str(tmp_path / "m"), "--epochs", "1", "--image-size", "32", "--no-flip"]
    result = CliRunner().invoke(app, [*arguments, *options, "--device", "cpu"], catch_exceptions=False)
    assert result.exit_code == 0
    metrics = json.loads((tmp_path / "m" / "metrics.json").read_text())
    settings = metrics["settings"]
    assert (settings["augment"], settings["schedule"], settings["optimiser"]) == (
        "strong", "one-cycle", "adamw"
    )  # fmt: skip
    assert (settings["average"], settings["clip"], settings["patience"]) == (0.998, 1.0, 0)
    assert (settings["epochs"], settings["flip"]) == (1, False)
    assert metrics["config"]["labels"] == ["left", "right", "No Finding"] and metrics["config"]["standardise"]


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
    with pytest.raises(UserError, match="devices 33: share each batch, of 32 images"):
        CliRunner().invoke(app, [*arguments, *options, "--devices", "33"], catch_exceptions=False)
