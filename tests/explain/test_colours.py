from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.explain.colours import AGAINST, FOR, HEAT, LESION

# Linear RGB as a protanope and a deuteranope see it: Viénot, Brettel and Mollon (1999), Table 1.
BLIND = {
    "protan": [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]],
    "deutan": [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]],
}


def rgb(colour):
    """'#rrggbb' or a triple as float (3,)."""
    if isinstance(colour, str):
        return np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.array(colour)


@pytest.mark.parametrize("blind", BLIND)
def test_for_and_against_are_told_apart_without_red_or_green(blind):
    seen = [np.array(BLIND[blind]) @ rgb(colour) ** 2.2 for colour in (FOR, AGAINST, LESION)]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(seen[first] - seen[second]).max() > 0.25
    assert seen[1][2] > seen[1][0] and seen[0][0] > seen[0][2]


def test_heat_is_white_at_zero_blue_against_and_orange_for():
    colours = [rgb(colour) for colour in HEAT]
    assert colours[len(HEAT) // 2] == pytest.approx([1, 1, 1])
    assert colours[1] == pytest.approx(AGAINST, abs=0.005) and colours[-2] == pytest.approx(FOR, abs=0.005)
    light = [colour.sum() for colour in colours]
    assert (np.diff(light[:4]) > 0).all() and (np.diff(light[3:]) < 0).all()
