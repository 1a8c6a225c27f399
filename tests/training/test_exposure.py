from __future__ import annotations

import torch

from cxrneighbors.training.exposure import picture_area, standardise


def film(seed: int = 0, size: int = 16) -> torch.Tensor:
    return torch.rand(2, 1, size, size, generator=torch.Generator().manual_seed(seed))


def test_exposure_is_removed():
    x = film()
    torch.testing.assert_close(standardise(0.3 * x + 0.1), standardise(x), atol=1e-4, rtol=0)
    z = standardise(x)
    torch.testing.assert_close(z.mean((2, 3)), torch.zeros(2, 1), atol=1e-5, rtol=0)
    torch.testing.assert_close(z.std((2, 3), unbiased=False), torch.ones(2, 1), atol=1e-4, rtol=0)


def test_padding_does_not_count_and_becomes_zero():
    x = film()
    padded = torch.nn.functional.pad(x, (3, 2, 0, 0))
    z = standardise(padded)
    torch.testing.assert_close(z[..., 3:-2], standardise(x))
    assert (z[..., :3] == 0).all() and (z[..., -2:] == 0).all()


def test_constant_lines_inside_the_picture_count():
    x = film()
    x[:, :, 5] = 0.5
    assert (picture_area(x) == 1).all()


def test_a_single_grey_becomes_zeros():
    assert (standardise(torch.full((1, 1, 4, 4), 0.7)) == 0).all()


def test_burnt_in_markers_are_clipped():
    x = 0.1 * film()
    x[0, 0, 0, 0] = 1.0
    assert standardise(x).abs().max() == 4.0 and standardise(x, 2.5).abs().max() == 2.5
