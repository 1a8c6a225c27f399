"""Grad-CAM on a network whose maps and gradients are known, and against captum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from cxrneighbors.explain.masking import Masking
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.rivals.explainer import RivalExplainer
from cxrneighbors.explain.rivals.grad_cam import GradCAM


def grid(film):
    """16 squares of 8 x 8 pixels."""
    rows, columns = np.mgrid[:32, :32] // 8
    return rows * 4 + columns


class TwoMaps(nn.Module):
    """Map 0: means over 8 x 8 cells; map 1: 1 minus it; logit = 2 · sum of map 0 - sum of map 1."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Conv2d(1, 2, 8, stride=8)
        with torch.no_grad():
            self.maps.weight[:] = torch.tensor([1.0, -1.0])[:, None, None, None] / 64
            self.maps.bias[:] = torch.tensor([0.0, 1.0])

    def forward(self, images):
        sums = self.maps(images).sum((2, 3))
        logit = 2 * sums[:, 0] - sums[:, 1]
        return torch.stack([logit, -logit], 1)


def test_known_maps_and_weights(ask, film):
    question = ask(model=TwoMaps(), calls=3)
    heat = GradCAM(relu=False).attribute(question)
    cells = film[0].reshape(4, 8, 4, 8).mean((1, 3))
    expected = question.enlarged((2 * cells - (1 - cells))[None])[0]
    assert heat == pytest.approx(expected, abs=1e-5) and question.used == 3


def test_relu_takes_evidence_against_away(ask):
    signed = GradCAM(relu=False).attribute(ask(model=TwoMaps()))
    coarse = np.array([signed[4::8, 4::8].min(), GradCAM().attribute(ask(model=TwoMaps())).min()])
    assert coarse[0] < 0.6 and coarse[1] >= 0


def test_the_heat_map_is_the_maps_enlarged_and_the_weights_are_its_means(film):
    predictor = Predictor(TwoMaps(), ("A", "B"), "cpu", activation="sigmoid", batch_size=16)
    found = RivalExplainer(GradCAM(relu=False), predictor, masking=Masking(3, grid)).explain(film, "A")
    cells = film[0].reshape(4, 8, 4, 8).mean((1, 3))
    theirs = Image.fromarray(3 * cells - 1).resize((32, 32), Image.Resampling.BILINEAR)
    heat = found.heatmap()
    assert heat == pytest.approx(np.asarray(theirs), abs=1e-4) and np.unique(heat).size > 100
    means = [heat[found.segments == segment].mean() for segment in range(16)]
    assert found.weights == pytest.approx(means, abs=1e-5) and found.settings["classifier_calls"] == 4


def test_equals_captum(ask, film):
    attr = pytest.importorskip("captum.attr")
    model = nn.Sequential(
        nn.Conv2d(1, 4, 5, stride=2), nn.ReLU(), nn.Conv2d(4, 6, 3), nn.Flatten(), nn.Linear(6 * 12 * 12, 2)
    )
    question = ask(model=model)
    theirs = attr.LayerGradCam(model, model[2]).attribute(
        torch.from_numpy(film[None]), target=0, relu_attributions=True
    )
    ours = GradCAM().attribute(question)
    assert ours == pytest.approx(question.enlarged(theirs[0].detach().numpy())[0], abs=1e-5)


class Middle(TwoMaps):
    """The same maps of the middle half of the film alone: a bright spot at its corner lies in cell 0, 0."""

    seen = 0.5

    def forward(self, images):
        return super().forward(images[..., 8:24, 8:24])


def test_maps_of_a_network_that_sees_the_middle_lie_in_the_middle(ask, film):
    film[0, 8:16, 8:16] = 1.0
    heat = GradCAM().attribute(ask(model=Middle(), calls=3))
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert 8 <= row < 16 and 8 <= column < 16
    assert not heat[:8].any() and not heat[:, 24:].any()
