from __future__ import annotations

import numpy as np
import pytest
import torch

from cxrneighbors.encoders.exposure import downsample, flat_standardised


def film(size: int = 16) -> torch.Tensor:
    return torch.rand(2, 1, size, size, generator=torch.Generator().manual_seed(0))


def test_downsample_averages_areas():
    x = film(size=8)
    expected = x.reshape(2, 1, 4, 2, 4, 2).mean((3, 5))
    torch.testing.assert_close(downsample(x, 4), expected)
    assert downsample(x, 8) is x
    with pytest.raises(ValueError, match="at least 16 x 16, got 8 x 8"):
        downsample(x, 16)


def test_flat_standardised_checks_its_input():
    assert flat_standardised(film().numpy(), 4).shape == (2, 16)
    with pytest.raises(ValueError, match=r"\(N, 1, H, W\)"):
        flat_standardised(np.zeros((2, 16, 16)), 4)
