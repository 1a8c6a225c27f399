"""Model folders: what is written is read back, and what does not fit is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from cxrneighbors.errors import UserError
from cxrneighbors.models import (
    build_model,
    hash_tensors,
    load_weights,
    read_config,
    read_tensors,
    save_config,
    save_model,
    state_arrays,
    strict_load,
)


class Scale:
    """A model with one setting."""

    def __init__(self, factor: float) -> None:
        self.factor = factor


def test_tensors_and_config_come_back(tmp_path: Path) -> None:
    tensors = {"b": np.array(3), "a": np.asfortranarray(np.arange(6.0).reshape(2, 3))}
    save_model(tmp_path, "scale", "fixed", {"factor": 2}, tensors)
    back = read_tensors(tmp_path, "scale", ("a", "b"))
    assert all(np.array_equal(back[name], tensors[name]) for name in "ab") and back["b"].shape == ()
    settings = read_config(tmp_path, "scale")
    assert settings["scale"] == "fixed" and settings["weights_hash"] == hash_tensors(tensors)
    assert build_model(Scale, tmp_path, "scale").factor == 2


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file; give a folder that an encoder was saved to"):
        read_config(tmp_path, "encoder")
    save_model(tmp_path, "scale", "fixed", {"size": 2}, {"a": np.zeros(2)})
    with pytest.raises(UserError, match="not an encoder of this package"):
        read_config(tmp_path, "encoder")
    with pytest.raises(UserError, match="unexpected keyword argument 'size'; save the scale again"):
        build_model(Scale, tmp_path, "scale")

    with pytest.raises(UserError, match=r"holds \['a'\], expected \['b'\]"):
        read_tensors(tmp_path, "scale", ("b",))
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "weights_hash": "0"}))
    with pytest.raises(UserError, match=r"does not fit config\.json beside it \(a changed file\)"):
        read_tensors(tmp_path, "scale")


def test_a_module_is_filled_by_every_tensor_once(tmp_path: Path) -> None:
    one, two = torch.nn.BatchNorm1d(3), torch.nn.BatchNorm1d(3)
    one.running_mean += 1  # type: ignore[operator]
    save_model(tmp_path, "norm", "batch", {}, state_arrays(one))
    load_weights(two, tmp_path, "norm")
    assert hash_tensors(state_arrays(two)) == hash_tensors(state_arrays(one))
    state = dict(one.state_dict())
    # Earlier files hold the counter as a list of one number.
    strict_load(two, {**state, "num_batches_tracked": torch.tensor([5])}, "file", "give another")
    assert two.num_batches_tracked == 5
    state["bias"], state["other"] = torch.zeros(4), state.pop("weight")
    said = (
        "file: 1 missing: weight; 1 left over: other; 1 of another shape: bias \\(4,\\) instead of \\(3,\\)"
    )
    with pytest.raises(UserError, match=said):
        strict_load(two, state, "file", "give another")


def test_a_size_beyond_any_model_names_the_file(tmp_path):
    save_config(tmp_path, "scale", "scale", {"width": 10**9}, "")
    with pytest.raises(UserError, match=r"config\.json: width 1000000000 must lie between 0 and 4096; save"):
        build_model(Scale, tmp_path, "scale")
    save_config(tmp_path, "scale", "scale", {"factor": "x", "width": None}, "")
    with pytest.raises(UserError, match=r"config\.json: .*width"):
        build_model(Scale, tmp_path, "scale")
