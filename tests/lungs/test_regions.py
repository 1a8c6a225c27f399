from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.lungs.masks import ellipse, usual_lungs
from cxrneighbors.lungs.regions import REGIONS, lung_regions

LUNGS = np.stack([ellipse((200, 160), 0.3, 0.45, 0.13, 0.28), ellipse((200, 160), 0.68, 0.47, 0.12, 0.27)])


@pytest.mark.parametrize("lungs", [LUNGS, usual_lungs((64, 64)), usual_lungs((32, 50))])
def test_all_regions_are_there(lungs):
    assert set(np.unique(lung_regions(lungs))) == set(range(len(REGIONS)))


def test_regions_lie_where_their_names_say():
    regions = lung_regions(LUNGS)
    rows, columns = np.mgrid[:200, :160]
    centre = {
        name: (rows[regions == i].mean(), columns[regions == i].mean()) for i, name in enumerate(REGIONS)
    }
    for side in ("right", "left"):
        heights = [centre[f"{side} {third} lung"][0] for third in ("upper", "middle", "lower")]
        assert heights == sorted(heights)
    # A film shows the patient's right on the viewer's left.
    assert centre["right middle lung"][1] < centre["heart"][1] < centre["left middle lung"][1]
    assert centre["mediastinum"][0] < centre["heart"][0]
    assert regions[0, 0] == 0


def test_lung_regions_are_the_lungs():
    regions = lung_regions(LUNGS)
    assert (np.isin(regions, (1, 2, 3)) == LUNGS[0]).all()
    assert (np.isin(regions, (4, 5, 6)) == LUNGS[1]).all()
