from __future__ import annotations

from torch import nn

from cxrneighbors.classifiers.parameter_counts import count_parameters


def test_counts_by_hand() -> None:
    module = nn.ModuleList(
        [nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.LSTM(7, 4), nn.Linear(4, 2, bias=False)]
    )
    counts = count_parameters(module)
    convolution, norm, dense = 3 * 3 * 3 * 5 + 5, 4 * 5, 8
    lstm = 4 * (7 * 4 + 4 * 4 + 4)  # Keras: kernel, recurrent kernel, one bias a gate
    assert counts.keras == convolution + norm + lstm + dense
    assert counts.torch == convolution + 10 + lstm + 16 + dense
    assert (counts.running, counts.second_bias) == (10, 16)


def test_frozen_parameters_count_and_untracked_norms_have_no_statistics() -> None:
    norm = nn.BatchNorm1d(6, track_running_stats=False)
    norm.weight.requires_grad_(False)
    assert count_parameters(norm).keras == 12
