from __future__ import annotations

import torch

from cxrneighbors.lungs.network import STRIDE, LungNetwork


def test_logits_of_two_lungs_that_exposure_does_not_move():
    network = LungNetwork(2).eval()
    films = torch.rand(2, 1, 2 * STRIDE, 2 * STRIDE, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        logits = network(films)
        assert logits.shape == (2, 2, 2 * STRIDE, 2 * STRIDE)
        torch.testing.assert_close(network(0.4 * films + 0.2), logits, atol=1e-3, rtol=1e-3)
