from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cxrneighbors.classifiers.chexnet_checkpoint import monai_names, read_checkpoint, unwrap
from cxrneighbors.errors import UserError


def test_tensors_are_found_inside_the_usual_wrappers(tmp_path: Path) -> None:
    weight = torch.ones(2)
    for content in (
        {"w": weight},
        {"state_dict": {"w": weight}, "epoch": 3},
        {"model": {"state_dict": {"w": weight}}},
    ):
        torch.save(content, tmp_path / "file.pth")
        assert torch.equal(read_checkpoint(tmp_path / "file.pth")["w"], weight)
    assert unwrap([weight]) == {}


def test_one_tensor_under_two_names_is_refused() -> None:
    state = {"module.features.conv0.weight": torch.ones(1), "features.conv0.weight": torch.ones(1)}
    with pytest.raises(UserError, match="are the same tensor twice"):
        monai_names(state, "file")
