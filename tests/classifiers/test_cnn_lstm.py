from __future__ import annotations

import numpy as np
import torch

from cxrneighbors.classifiers.registry import build


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_sizes_of_the_paper() -> None:
    with torch.device("meta"):
        model = build("cnn-lstm", 4)
        assert model.convolutions(torch.zeros(1, 3, 250, 250)).shape == (1, 128, 29, 29)
    assert model.steps == 841
    assert model.head[0].in_features == 107_648


def test_the_forward_pass_by_hand() -> None:
    """Pixels of the last map row by row through an LSTM written out, then the flattened states."""
    model = build("cnn-lstm", 3, image_size=38, seed=1).double().eval()
    for parameter in model.parameters():
        parameter.data += 0.02 * torch.sin(torch.arange(parameter.numel(), dtype=torch.float64)).view_as(
            parameter
        )
    model.lstm.bias_hh_l0.data.zero_()
    image = torch.rand(1, 3, 38, 38, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = model(image)[0].numpy()
        maps = model.convolutions(image * 2 - 1)[0].numpy()
    assert maps.shape == (128, 3, 3)
    weights = {name: value.detach().numpy() for name, value in model.lstm.named_parameters()}
    hidden, cell, states = np.zeros(128), np.zeros(128), []
    for row in range(3):
        for column in range(3):
            gates = weights["weight_ih_l0"] @ maps[:, row, column] + weights["weight_hh_l0"] @ hidden
            i, f, g, o = (gates + weights["bias_ih_l0"]).reshape(4, 128)
            cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
            hidden = sigmoid(o) * np.tanh(cell)
            states.append(hidden)
    x = np.concatenate(states)
    for layer in (model.head[0], model.head[3], model.head[6]):
        x = layer.weight.detach().numpy() @ x + layer.bias.detach().numpy()
        x = np.maximum(x, 0) if layer is not model.head[6] else x
    np.testing.assert_allclose(x, logits, rtol=1e-9, atol=1e-12)


def test_the_second_bias_is_zero_and_stays_so() -> None:
    model = build("cnn-lstm", 2, image_size=30)
    optimiser = torch.optim.Adam([value for value in model.parameters() if value.requires_grad], lr=0.1)
    model(torch.rand(2, 1, 30, 30)).square().sum().backward()
    optimiser.step()
    assert float(model.lstm.bias_hh_l0.abs().max()) == 0
    assert float(model.lstm.bias_ih_l0.detach().abs().max()) > 1
