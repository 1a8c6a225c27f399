from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.explain.perturb import MaskedFilms, check_fill, fill_images


@pytest.fixture
def films():
    rng = np.random.default_rng(0)
    segments = np.arange(20)[:, None] // 7 * 3 + np.arange(24)[None] // 8
    return MaskedFilms(
        rng.random((3, 2, 20, 24)), segments, rng.integers(0, 2, (41, 9)), rng.integers(0, 3, 41)
    )


def test_fills(films):
    assert fill_images(films).shape == (1, 1, 1, 1) and fill_images(films).item() == 0.5
    levels = [fill_images(replace(films, fill=fill)).item() for fill in ("black", 0, 0.25, 1.0)]
    assert levels == [0, 0, 0.25, 1]
    mean = fill_images(replace(films, fill="mean"))
    here = films.segments == 4
    assert mean[2, 1][here] == pytest.approx(films.sources[2, 1][here].mean(), abs=1e-6)
    assert fill_images(replace(films, fill="blur")).std() < films.sources.std() / 2


def test_one_film_alone(films):
    alone = MaskedFilms.of_one(films.sources[1], films.segments, films.masks, "mean")
    assert len(alone) == 41 and alone.sources.shape == (1, 2, 20, 24) and not alone.source.any()
    whole = MaskedFilms.unmasked(films.sources[1])
    assert len(whole) == 1 and whole.masks.all() and not whole.segments.any()


def test_inputs_are_checked(films):
    with pytest.raises(UserError, match=r"fill 'white'.*grey, black, mean, blur, neighbour"):
        replace(films, fill="white")
    for level in (-0.1, 1.01, float("nan")):
        with pytest.raises(UserError, match="a grey must lie in"):
            replace(films, fill=level)
    with pytest.raises(UserError, match=r"fill here '0.5'; choose one of: neighbour"):
        check_fill(0.5, ("neighbour",), "fill here")
    with pytest.raises(ValueError, match=r"masks must be \(N, 9\)"):
        replace(films, masks=films.masks[:, :8])
    with pytest.raises(ValueError, match=r"source must be \(41,\)"):
        replace(films, source=films.source[:5])
    with pytest.raises(ValueError, match=r"segments \(H, W\)"):
        replace(films, segments=films.segments[:-1])
    with pytest.raises(ValueError, match=r"source must be \(41,\), got \(41, 9\)"):
        replace(films, source=films.masks)
    with pytest.raises(ValueError, match=r"source must be \(41,\) or \(41, 9\)"):
        replace(films, fill="neighbour", source=films.masks[:, :4])
    assert len(replace(films, fill="neighbour", source=films.masks)) == 41
    for feather in (-1.0, float("nan"), float("inf")):
        with pytest.raises(UserError, match="feather"):
            replace(films, feather=feather)
