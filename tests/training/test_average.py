from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cxrneighbors.training.average import averaged, decay_at


def test_the_average_of_weights_and_batch_statistics_is_the_one_by_hand() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    model = averaged(network, 0.5)
    expected: dict[str, np.ndarray] = {}
    for update in range(1, 13):
        for value in network.parameters():
            value.data.normal_()
        network(torch.randn(5, 3))  # moves the running mean and variance
        model.update_parameters(network)
        kept = min(0.5, (1 + update) / (10 + update)) if update > 1 else 0.0
        for name, value in network.state_dict().items():
            old = expected.get(name, 0.0)
            mixed = kept * old + (1 - kept) * value.numpy()
            expected[name] = value.numpy().copy() if name.endswith("tracked") else mixed
    assert decay_at(12, 0.5) == 0.5 and decay_at(12, 0.9) == pytest.approx(13 / 22)
    found = {name: value.numpy() for name, value in model.module.state_dict().items()}
    assert found.keys() == expected.keys() and found["1.num_batches_tracked"] == 12
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_the_copy_is_apart_not_trained_and_in_evaluation_mode() -> None:
    network = nn.Linear(2, 1)
    model = averaged(network.train(), 0.9)
    assert not model.module.training and network.training
    assert not any(value.requires_grad for value in model.parameters())
    assert all(value.requires_grad for value in network.parameters())
    with torch.no_grad():
        network.weight.fill_(7)
    assert not (model.module.weight == 7).any()
