from __future__ import annotations

import numpy as np
import pytest
import torch

from cxrneighbors.classifiers.registry import build
from cxrneighbors.explain.quality.sanity import map_similarity, randomised


def test_every_tensor_keeps_its_values_in_another_order_and_the_original_stays():
    model = build("small-cnn", labels=["A", "B"], image_size=32, width=4)
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    shuffled = dict(randomised(model, seed=1).named_parameters())
    for name, tensor in model.named_parameters():
        assert torch.equal(tensor, before[name])
        assert torch.equal(shuffled[name].flatten().sort().values, tensor.flatten().sort().values)
    assert not torch.equal(shuffled["head.weight"], before["head.weight"])


def test_the_seed_decides():
    model = build("small-cnn", labels=["A", "B"], image_size=32, width=4)
    first, second, other = (randomised(model, seed=s).weights_hash() for s in (1, 1, 2))
    assert first == second != other


@pytest.mark.parametrize(
    ("after", "expected"), [([1, 2, 3, 9], 1), ([4, 3, 2, 1], 1), ([5, 5, 5, 5], 0), ([1, -1, -1, 1], 0)]
)
def test_map_similarity(after, expected):
    assert map_similarity(np.array([1.0, 2, 3, 4]), np.array(after, dtype=float)) == pytest.approx(expected)
