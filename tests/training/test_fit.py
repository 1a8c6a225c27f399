"""The training loop on a straight line: resume, best weights, patience, divergence, damaged checkpoints."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ExponentialLR

from cxrneighbors import progress
from cxrneighbors.errors import Terminated, UserError
from cxrneighbors.training.batches import EpochBatches, batch_loader, full_sizes
from cxrneighbors.training.fit import CHECKPOINTS, fit
from cxrneighbors.training.module import TrainingModule
from cxrneighbors.training.settings import TrainingSettings

X = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
Y = X @ torch.tensor([1.0, -2.0, 0.5])


class Line(TrainingModule):
    """Least squares, noisy in every step; `stop_at` interrupts a step, `losses` replace those to watch.

    `steps`: the weights that each step has left.
    """

    def __init__(self, epochs: int, patience: int = 0, lr: float = 0.05, average: float = 0.0) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = nn.Linear(3, 1)
        settings = TrainingSettings(epochs=epochs, batch_size=8, patience=patience, seed=7)
        super().__init__(network, settings, average)
        self.steps: list[Tensor] = []
        self.lr = lr
        self.stop_at: tuple[int, int] | None = None
        self.losses: list[float] = []
        self.prepared = 0
        self.run: list[int] = []

    def prepare(self, items: Any) -> None:
        self.prepared += 1

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        if (self.current_epoch, index) == self.stop_at:
            raise KeyboardInterrupt
        if not index:
            self.run.append(self.current_epoch)
        noise = float(self.seed_step(index).normal()) + float(torch.rand(()))
        loss = (self.network(X[batch])[:, 0] - Y[batch] + 0.01 * noise).square().mean()
        self.note("train", len(batch), loss=loss)
        return loss

    def validation_step(self, batch: Tensor, index: int) -> None:
        given = self.losses[self.current_epoch] if self.losses else None
        loss = (self.evaluated(X[batch])[:, 0] - Y[batch]).square().mean()
        self.note("val", len(batch), loss=loss if given is None else torch.tensor(given))

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_end(outputs, batch, batch_idx)
        self.steps.append(self.network.weight.detach().clone())

    def configure_optimizers(self) -> Any:
        optimiser = torch.optim.Adam(self.network.parameters(), self.lr)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": ExponentialLR(optimiser, 0.99),
                                                         "interval": "step"}}  # fmt: skip


def train(module: Line, folder: Path | None = None, val: bool = True) -> dict[str, Tensor]:
    def loader(seed: int | None) -> Any:
        return batch_loader(torch.arange(40), EpochBatches(range(40), full_sizes(40, 8), seed))  # type: ignore[arg-type]

    fit(module, loader(7), loader(None) if val else None, "cpu", folder)
    return {name: value.clone() for name, value in module.network.state_dict().items()}


def test_without_a_terminal_lines_say_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train(Line(epochs=2))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and lines[0].startswith("epoch 1 of 2: loss ") and lines[0].endswith(" (0 s)")
    monkeypatch.setattr(progress, "EVERY", 0.0)
    train(Line(epochs=2))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 * (5 + 1) and "epoch 2 of 2, step: 3 of 5, about 0 s left" in lines
    progress.quiet()
    train(Line(epochs=1))
    progress.quiet(False)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("handled", [True, False])
def test_sigterm_ends_a_training_as_ctrl_c_does(tmp_path: Path, handled: bool) -> None:
    """With a handler that raises, as the command line has one, and with Python's own."""

    class Killed(Line):
        def training_step(self, batch: Tensor, index: int) -> Tensor:
            if (self.current_epoch, index) == (2, 3):
                os.kill(os.getpid(), signal.SIGTERM)
            return super().training_step(batch, index)

    def stop(*_: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop if handled else signal.SIG_DFL)
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(Terminated):
            train(Killed(epochs=5), tmp_path)
        assert signal.getsignal(signal.SIGINT) == interrupt
    finally:
        signal.signal(signal.SIGTERM, before)
    assert same(train(Line(epochs=5), tmp_path), train(Line(epochs=5)))


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns_writes_its_history_and_leaves_the_global_generator_alone(tmp_path: Path) -> None:
    state = torch.get_rng_state()
    module = Line(epochs=40, lr=0.1)
    weights = train(module, tmp_path)
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_allclose(weights["weight"][0], [1.0, -2.0, 0.5], atol=0.05)
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["epoch"].tolist() == list(range(1, 41)) and module.prepared == 1
    assert {"train_loss", "val_loss", "seconds"} <= set(history) and history["train_loss"].iloc[-1] < 0.01
    kept = sorted(path.name for path in (tmp_path / CHECKPOINTS).iterdir())
    assert kept == ["epoch-00039.ckpt", "epoch-00040.ckpt"]
    assert same(train(Line(epochs=40, lr=0.1)), weights), "without a folder too"


@pytest.mark.parametrize("where", [(0, 2), (3, 0), (3, 2)])
def test_ctrl_c_loses_no_whole_epoch(tmp_path: Path, where: tuple[int, int]) -> None:
    whole = Line(epochs=6)
    weights = train(whole)
    broken = Line(epochs=6)
    broken.stop_at = where
    with pytest.raises(KeyboardInterrupt):
        train(broken, tmp_path)
    resumed = Line(epochs=6)
    assert same(train(resumed, tmp_path), weights)
    assert resumed.run == list(range(where[0], 6)) and resumed.prepared == (where[0] == 0)
    without_time = [{k: v for k, v in row.items() if k != "seconds"} for row in resumed.history]
    assert without_time == [{k: v for k, v in row.items() if k != "seconds"} for row in whole.history]


def test_an_average_of_all_steps_is_what_is_validated_and_kept(tmp_path: Path) -> None:
    module = Line(epochs=4, average=0.8)
    kept = train(module, val=False)["weight"]
    average = module.steps[0]
    for update, weight in enumerate(module.steps[1:], 2):
        share = min(0.8, (1 + update) / (10 + update))
        average = share * average + (1 - share) * weight
    torch.testing.assert_close(kept, average)
    assert not torch.allclose(kept, module.steps[-1], atol=1e-4)
    plain = Line(epochs=4)
    train(plain, val=False)
    assert torch.equal(torch.stack(plain.steps), torch.stack(module.steps)), "training goes its own way"
    validated = Line(epochs=4, average=0.8)
    weights = train(validated)
    loss = (X @ weights["weight"][0] + weights["bias"] - Y).square().mean()
    assert float(loss) == pytest.approx(min(row["val_loss"] for row in validated.history), rel=1e-4)


def test_an_interrupted_average_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    weights = train(Line(epochs=6, average=0.9))
    broken = Line(epochs=6, average=0.9)
    broken.stop_at = (3, 2)
    with pytest.raises(KeyboardInterrupt):
        train(broken, tmp_path)
    resumed = Line(epochs=6, average=0.9)
    assert same(train(resumed, tmp_path), weights) and resumed.run == [3, 4, 5]


@pytest.mark.parametrize("damaged", [1, 2])
def test_a_damaged_checkpoint_gives_way_to_the_next_older_one(tmp_path: Path, damaged: int) -> None:
    weights = train(Line(epochs=6))
    broken = Line(epochs=6)
    broken.stop_at = (4, 1)
    with pytest.raises(KeyboardInterrupt):
        train(broken, tmp_path)
    for path in sorted((tmp_path / CHECKPOINTS).iterdir())[-damaged:]:
        path.write_bytes(path.read_bytes()[:100])
    resumed = Line(epochs=6)
    assert same(train(resumed, tmp_path), weights)
    assert resumed.run == ([3, 4, 5] if damaged == 1 else list(range(6)))
    assert sorted(path.name for path in (tmp_path / CHECKPOINTS).iterdir()) == [
        "epoch-00005.ckpt",
        "epoch-00006.ckpt",
    ]


def test_sigterm_that_lightning_does_not_hear_is_no_ctrl_c() -> None:
    class Ended(Line):
        def training_step(self, batch: Tensor, index: int) -> Tensor:
            raise Terminated

    with pytest.raises(Terminated):
        train(Ended(epochs=1))


def test_a_checkpoint_that_a_killed_run_did_not_remove_goes(tmp_path: Path) -> None:
    train(Line(epochs=3), tmp_path)
    older = tmp_path / CHECKPOINTS / "epoch-00001.ckpt"
    older.write_bytes((tmp_path / CHECKPOINTS / "epoch-00002.ckpt").read_bytes())
    train(Line(epochs=3), tmp_path)
    assert sorted(os.listdir(tmp_path / CHECKPOINTS)) == ["epoch-00002.ckpt", "epoch-00003.ckpt"]


def test_the_temporary_folder_is_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill leaves nothing there, and a checkpoint cannot be halved on its way from there to its disk."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    train(Line(epochs=2), tmp_path / "out")
    assert os.listdir(tmp_path) == ["out"]


def test_a_checkpoint_that_fails_leaves_the_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(checkpoint: Any, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    save = torch.save
    monkeypatch.setattr(torch, "save", lambda what, path: (half if what["epoch"] else save)(what, path))
    with pytest.raises(KeyboardInterrupt):
        train(Line(epochs=3), tmp_path)
    assert os.listdir(tmp_path / CHECKPOINTS) == ["epoch-00001.ckpt"]


def test_a_checkpoint_that_would_run_code_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINTS).mkdir()
    torch.save({"code": print}, tmp_path / CHECKPOINTS / "epoch-00001.ckpt")
    module = Line(epochs=2)
    train(module, tmp_path)
    assert module.run == [0, 1]


def test_the_best_weights_stay_and_patience_ends_it(tmp_path: Path) -> None:
    best = train(Line(epochs=2), val=False)
    losses = [3.0, 1.0, float("nan"), 1.0, 2.0, 0.5, 0.1]
    module = Line(epochs=7, patience=3)
    module.losses = losses
    assert same(train(module, tmp_path), best), "an equal loss is no better one, and NaN none at all"
    assert len(module.history) == 5 and module.best_epoch == 2
    again = Line(epochs=7, patience=3)
    again.losses = losses
    assert same(train(again, tmp_path), best) and again.run == [], "patience had run out before"
    endless = Line(epochs=7)
    endless.losses = losses
    train(endless)
    assert endless.best_epoch == 7


def test_without_validation_the_last_weights_stay() -> None:
    module = Line(epochs=3, patience=1)
    train(module, val=False)
    assert len(module.history) == module.best_epoch == 3 and not module.best_weights
    assert "val_loss" not in module.history[0]


def test_a_diverging_training_says_so_before_it_is_kept(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"training diverged in epoch 1 .*lower the learning rate"):
        train(Line(epochs=4, lr=1e30), tmp_path)
    assert not list(tmp_path.rglob("*.ckpt"))


def test_fewer_epochs_than_are_there_are_refused(tmp_path: Path) -> None:
    train(Line(epochs=3), tmp_path)
    with pytest.raises(UserError, match="holds a training of 3 epochs, now 2; ask for more"):
        train(Line(epochs=2), tmp_path)


def test_no_epochs_leave_the_network_as_it_is(tmp_path: Path) -> None:
    module = Line(epochs=0)
    before = {name: value.clone() for name, value in module.network.state_dict().items()}
    assert same(train(module, tmp_path), before) and module.best_epoch == 0
