from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from cxrneighbors.explain.locality import MaskLocality
from cxrneighbors.explain.masks import random_rounds
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.sampling import MaskDesign, sample_rounds

SEGMENTS = np.arange(4).reshape(2, 2).repeat(3, 0).repeat(3, 1)  # 6 x 6, a quarter each


@pytest.fixture
def seen():
    return []


@pytest.fixture
def predictor(seen):
    def score(images):
        seen.extend(images[:, 0].copy())
        return images.mean((1, 2, 3))

    return Predictor(score, ["bright"], "cpu")


def sources(n):
    return np.linspace(0.1, 0.9, n, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 6, 6), np.float32)


def rounds(n_films, seed=0):
    return random_rounds(n_films, 5, 4, np.random.default_rng(seed))


def test_every_source_is_masked_and_the_first_row_is_the_target_itself(predictor, seen):
    design = MaskDesign(sources(3), SEGMENTS, rounds(3), 3)
    first, second = islice(sample_rounds(predictor, "bright", design, MaskLocality()), 2)
    assert first.source.tolist() == [0] + [0] * 5 + [1] * 5 + [2] * 5
    assert second.source.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    z = next(rounds(3))
    assert first.x[0].all() and (first.x[1:] == z).all() and first.distance[0] == 0
    assert (seen[0] == sources(3)[0, 0]).all() and len(seen) == 31
    for film, mask, source in zip(seen[1:16], z, first.source[1:], strict=True):
        assert film == pytest.approx(np.where(mask[SEGMENTS] == 1, sources(3)[source, 0], 0.5))
    assert first.y == pytest.approx([film.mean() for film in seen[:16]])


def test_ones_may_say_masked(predictor):
    samples = [
        next(sample_rounds(predictor, "bright", MaskDesign(*given), MaskLocality()))
        for given in (
            (sources(2), SEGMENTS, rounds(2), 2, "mean", False),
            (sources(2), SEGMENTS, rounds(2), 2, "mean", True),
        )
    ]
    assert (samples[0].x == 1 - samples[1].x).all() and (samples[0].distance == samples[1].distance).all()


def test_donors_fill_the_target_in_turn(predictor, seen):
    """Only the target is masked, and its masked segments show the others: what a contrast needs."""
    design = MaskDesign(sources(3), SEGMENTS, rounds(1), 1, "neighbour")
    sample = next(sample_rounds(predictor, "bright", design, MaskLocality()))
    z = next(rounds(1))
    assert (sample.x[1:] == z).all() and not sample.source.any()
    for n, (film, mask) in enumerate(zip(seen[1:], z, strict=True)):
        assert film == pytest.approx(
            np.where(mask[SEGMENTS] == 1, sources(3)[0, 0], sources(3)[1 + n % 2, 0])
        )


def test_with_mixed_every_masked_segment_draws_its_donor(predictor, seen):
    design = MaskDesign(sources(4), SEGMENTS, rounds(1), 1, "neighbour", mixed=np.random.default_rng(3))
    next(sample_rounds(predictor, "bright", design, MaskLocality()))
    z, drawn = next(rounds(1)), np.random.default_rng(3).integers(1, 4, (5, 4))
    assert seen[0] == pytest.approx(sources(4)[0, 0])
    for film, mask, donors in zip(seen[1:], z, drawn, strict=True):
        shown = np.where(mask == 1, 0, donors)
        assert film == pytest.approx(sources(4)[shown[SEGMENTS], 0, 0, 0])
    assert len(set(drawn.ravel())) == 3


def test_a_design_hands_its_feather_on(predictor, seen):
    design = MaskDesign(sources(2), SEGMENTS, rounds(1), 1, "neighbour", feather=1.0)
    next(sample_rounds(predictor, "bright", design, MaskLocality()))
    assert any(len(np.unique(film.round(4))) > 2 for film in seen)
