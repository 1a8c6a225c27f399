from __future__ import annotations

import numpy as np
import pytest
import torch

from cxrneighbors.lungs.augment import augment
from cxrneighbors.lungs.masks import usual_lungs


@pytest.fixture
def batch() -> torch.Tensor:
    """Black lungs on a white body, 40 times: float (40, 3, 64, 64)."""
    lungs = torch.from_numpy(usual_lungs((64, 64))).float()
    film = 0.9 - 0.8 * lungs.amax(0, keepdim=True)
    return torch.cat([film, lungs])[None].repeat(40, 1, 1, 1)


def test_range_shape_and_the_same_again_from_the_same_numbers(batch):
    changed = augment(batch, np.random.default_rng(1))
    assert changed.shape == batch.shape and changed.dtype == torch.float32
    assert changed.min() >= 0 and changed.max() <= 1 and changed.isfinite().all()
    torch.testing.assert_close(changed, augment(batch, np.random.default_rng(1)))
    assert (changed[0] != changed[1]).any()


def test_masks_move_with_the_film_and_the_right_lung_stays_on_its_side(batch):
    changed = augment(batch, np.random.default_rng(0)).numpy()
    columns = np.arange(64)
    centres = (changed[:, 1:].mean(2) * columns).sum(-1) / changed[:, 1:].mean(2).sum(-1)
    assert (centres[:, 0] < centres[:, 1]).all()
    assert np.ptp(centres[:, 0]) > 8  # they do move
    darker = []
    for film, right, left in changed:
        inside = (right + left) > 0.5
        around = torch.nn.functional.max_pool2d(torch.from_numpy(inside)[None].float(), 7, 1, 3)[0] > 0.5
        darker.append(film[around.numpy() & ~inside].mean() - film[inside].mean())
    assert np.median(darker) > 0.3


def test_both_sides_can_be_mirrored():
    film = torch.zeros(60, 3, 32, 32)
    film[:, 1, 8:24, 4:12] = 1  # a right lung alone
    changed = augment(film, np.random.default_rng(0))
    on_left = changed[:, 2].sum((1, 2)) > 0
    assert 15 < int(on_left.sum()) < 45 and (changed[on_left][:, 1] == 0).all()
