"""Score-CAM: of a map that shows the square and one that does not, the first makes the picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cxrneighbors.errors import UserError
from cxrneighbors.explain.quality.localisation import pointing_game
from cxrneighbors.explain.rivals.score_cam import ScoreCAM


class Looks(nn.Module):
    """Maps: the film's upper left quarter's corner, the square, a constant; the logit is the square's."""

    def __init__(self) -> None:
        super().__init__()
        self.last = Maps()

    def forward(self, images):
        self.last(images)
        logit = 8 * (images[:, :, 8:16, 16:24].mean((1, 2, 3)) - 0.5)
        return torch.stack([logit, -logit], 1)


class Maps(nn.Module):
    def forward(self, images):
        maps = torch.zeros(len(images), 3, 4, 4)
        maps[:, 0, 0, 0] = 5
        maps[:, 1, 1, 2] = 1
        maps[:, 2] = 7
        return maps


def test_maps_are_weighted_by_the_score_of_the_film_seen_through_them(ask, film, square):
    question = ask(model=Looks(), calls=4)
    heat = ScoreCAM().attribute(question)
    assert question.used == 4  # the maps, two of them (one is constant), the background
    large = question.enlarged(np.eye(16).reshape(16, 4, 4))
    corner, seen = 5 * large[0], large[6]
    gains = []
    for soft in (corner / corner.max(), seen / seen.max()):
        shown = (soft * film[0] + (1 - soft) * 0.5)[8:16, 16:24].mean()
        gains.append(1 / (1 + np.exp(-8 * (shown - 0.5))) - 0.5)
    assert heat == pytest.approx(np.maximum(gains[0] * corner + gains[1] * seen, 0), abs=1e-4)
    assert gains[0] == pytest.approx(0) and pointing_game(heat, square) == 1


def test_of_more_maps_than_calls_the_most_varied_are_taken(ask):
    heat = ScoreCAM().attribute(ask(model=Looks(), calls=3))
    assert heat.max() == pytest.approx(0, abs=1e-4)  # only the corner's map, which the classifier ignores


def test_too_few_calls(ask):
    with pytest.raises(UserError, match="calls is 2; give at least 3"):
        ScoreCAM().attribute(ask(model=Looks(), calls=2))
