from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from cxrneighbors.errors import UserError
from cxrneighbors.index.fusion import (
    check_weights,
    distance_factors,
    modality_scale,
    scaled_concatenation,
    squared_distances,
)


def test_scale_is_the_mean_squared_distance_over_all_pairs() -> None:
    vectors = np.random.default_rng(0).normal(5.0, 2.0, (70, 9)).astype(np.float32)
    assert modality_scale(vectors) == pytest.approx(pdist(vectors, "sqeuclidean").mean(), rel=1e-6)


def test_scale_keeps_digits_far_from_the_origin() -> None:
    vectors = (np.random.default_rng(0).standard_normal((50, 4)) + 10_000).astype(np.float32)
    assert modality_scale(vectors) == pytest.approx(
        pdist(vectors.astype(float), "sqeuclidean").mean(), rel=1e-4
    )


@pytest.mark.parametrize("vectors", [np.zeros((0, 3)), np.ones((1, 3)), np.ones((5, 3))])
def test_rows_without_spread_have_scale_one(vectors: np.ndarray) -> None:
    assert modality_scale(vectors) == 1.0


def test_concatenation_has_the_fused_distance_as_plain_l2() -> None:
    rng = np.random.default_rng(1)
    x, t = rng.standard_normal((20, 5)).astype(np.float32), rng.standard_normal((20, 3)).astype(np.float32)
    factors = distance_factors("fused", {"image": 4.0, "report": 9.0}, {"image": 2.0, "report": 0.5})
    joined = scaled_concatenation({"image": x, "report": t}, factors)
    expected = 2.0 * cdist(x, x, "sqeuclidean") / 4.0 + 0.5 * cdist(t, t, "sqeuclidean") / 9.0
    assert joined.dtype == np.float32 and joined.shape == (20, 10)
    np.testing.assert_allclose(cdist(joined, joined, "sqeuclidean"), expected, rtol=1e-4, atol=1e-5)


def test_a_point_at_the_mean_and_apart_is_at_the_mean_distance_from_any_query() -> None:
    rng = np.random.default_rng(3)
    others, query = rng.normal(2.0, 1.0, (40, 6)), rng.standard_normal((1, 6))
    centre = others.mean(axis=0)
    apart = {"image": np.zeros(1), "report": np.array([np.sqrt(((others - centre) ** 2).sum(1).mean())])}
    factors, image = {"image": 0.5, "report": 0.25}, np.zeros((1, 2))
    row = scaled_concatenation({"image": image, "report": centre[None]}, factors, apart=apart)
    asked = scaled_concatenation({"image": image, "report": query}, factors)
    expected = 0.25 * cdist(query, others, "sqeuclidean").mean()
    np.testing.assert_allclose(cdist(asked, row, "sqeuclidean")[0, 0], expected, rtol=1e-5)


def test_a_single_modality_is_not_weighted() -> None:
    assert distance_factors("image", {"image": 4.0}, {"image": 7.0, "report": 1.0}) == {"image": 0.25}


def test_squared_distances() -> None:
    rng = np.random.default_rng(2)
    queries, found = rng.standard_normal((4, 6)), rng.standard_normal((4, 3, 6))
    expected = np.stack([cdist(q[None], f, "sqeuclidean")[0] for q, f in zip(queries, found, strict=True)])
    np.testing.assert_allclose(squared_distances(queries, found), expected)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"text": 1.0}, "unknown modality 'text'"),
        ({"image": -1.0}, "image=-1"),
        ({"report": float("nan")}, "report=nan"),
        ({"image": 0.0, "report": 0.0}, "both 0"),
    ],
)
def test_bad_weights(weights: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_weights(weights)


@pytest.mark.parametrize("weight", [1e300, 1e7, 1e-7, float("inf"), float("nan"), -1.0])
def test_weights_that_single_precision_cannot_hold(weight: float) -> None:
    with pytest.raises(UserError, match="neither 0 nor a number from 1e-06 to 1e\\+06"):
        check_weights({"image": weight})
    assert check_weights({"image": 1e6, "report": 1e-6}) == {"image": 1e6, "report": 1e-6}
