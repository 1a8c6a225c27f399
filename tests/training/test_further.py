"""More epochs: the folder's side of it; the VAE's in tests/encoders/test_vae.py."""

from pathlib import Path

import pytest
import torch

from cxrneighbors.artifact import Kind
from cxrneighbors.errors import UserError
from cxrneighbors.training.fit import CHECKPOINTS, RESUMED
from cxrneighbors.training.further import begin_or_extend, finished_epochs, keep_newest

KIND = Kind("a training", 1, "train")


def plan(epochs: int, seed: int = 0) -> dict[str, dict[str, int]]:
    return {"settings": {"epochs": epochs, "seed": seed}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished training of three epochs with its last two checkpoints."""
    work = begin_or_extend(KIND, tmp_path / "t", plan(3))
    assert not work.complete and not work.resumed
    (work.folder / CHECKPOINTS).mkdir()
    for epoch in (2, 3):
        torch.save(dict.fromkeys(RESUMED, 0), work.folder / CHECKPOINTS / f"epoch-0000{epoch}.ckpt")
    work.finish()
    return work.folder


def test_the_same_or_less_is_as_before(folder: Path) -> None:
    assert finished_epochs(KIND, folder) == 3 and begin_or_extend(KIND, folder, plan(3)).complete
    with pytest.raises(UserError, match="epochs 3, now 2"):
        begin_or_extend(KIND, folder, plan(2))
    assert not begin_or_extend(KIND, folder, plan(5), restart=True).complete
    assert not (folder / CHECKPOINTS).exists() and finished_epochs(KIND, folder) is None


def test_more_open_it_again_and_an_interruption_goes_on(folder: Path) -> None:
    with pytest.raises(UserError, match="seed 0, now 1"):
        begin_or_extend(KIND, folder, plan(5, seed=1))
    for _ in range(2):
        work = begin_or_extend(KIND, folder, plan(5))
        assert not work.complete and work.resumed and finished_epochs(KIND, folder) is None
    work.finish()
    keep_newest(folder)
    assert finished_epochs(KIND, folder) == 5
    assert [path.name for path in (folder / CHECKPOINTS).iterdir()] == ["epoch-00003.ckpt"]


def test_without_a_checkpoint_it_says_so(folder: Path) -> None:
    for path in (folder / CHECKPOINTS).iterdir():
        path.unlink()
    with pytest.raises(UserError, match="finished training of 3 epochs without its last checkpoint"):
        begin_or_extend(KIND, folder, plan(5))
    assert finished_epochs(KIND, folder) == 3


def test_folders_of_another_kind_are_none_of_ours(folder: Path, tmp_path: Path) -> None:
    other = Kind("another", 1, "other")
    assert finished_epochs(other, folder) is None and finished_epochs(KIND, tmp_path) is None
    with pytest.raises(UserError, match="holds other files"):
        begin_or_extend(other, folder, plan(5))
